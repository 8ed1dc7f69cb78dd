/* Sets the color theme before the first paint: the user's earlier choice, else the system's theme. */
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try { return localStorage.getItem("slipway-theme"); } catch { return null; }
  };
  const apply = () => {
    document.documentElement.dataset.bsTheme = chosen() || (system.matches ? "dark" : "light");
  };
  apply();
  system.addEventListener("change", apply);
})();

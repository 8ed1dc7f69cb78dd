/* Sets the colour theme before the first paint: what was chosen here before, else what the system says. */
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

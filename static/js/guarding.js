/* A form that is saved by its button only: whoever leaves the page with something typed in it is asked by the browser. */
const typed = new Set();

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => {
    const form = event.target.form;
    if (form?.hasAttribute("data-guarded")) typed.add(form);
  });
}
// Another form of the page would leave what was typed in this one.
document.addEventListener("submit", (event) => { if (!event.defaultPrevented) typed.delete(event.target); });
document.addEventListener("click", (event) => { if (event.target.closest?.("[data-drops]")) typed.clear(); });
addEventListener("beforeunload", (event) => {
  if ([...typed].some((form) => form.isConnected)) event.preventDefault();
});
for (const form of document.querySelectorAll("form[data-guarded][data-unsaved]")) typed.add(form);

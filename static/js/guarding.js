/* A form that is saved by its button only: who leaves the page with something typed in it is asked by the browser, and
   the form is sent only when it would be taken. */
import { wouldBeTaken } from "./failing.js";

const typed = new Set();

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => {
    const form = event.target.form;
    if (form?.hasAttribute("data-guarded")) typed.add(form);
  });
}

let taken = null; // the form that may be sent now
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.hasAttribute("data-guarded") || taken === form || event.defaultPrevented) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!(await wouldBeTaken())) return;
  taken = form;
  form.requestSubmit(event.submitter ?? undefined);
  taken = null;
}, true);

// Another form of the page would leave what was typed in this one.
document.addEventListener("submit", (event) => { if (!event.defaultPrevented) typed.delete(event.target); });
document.addEventListener("click", (event) => { if (event.target.closest?.("[data-drops]")) typed.clear(); });
addEventListener("beforeunload", (event) => {
  if ([...typed].some((form) => form.isConnected)) event.preventDefault();
});
for (const form of document.querySelectorAll("form[data-guarded][data-unsaved]")) typed.add(form);

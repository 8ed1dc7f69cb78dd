/* A form that only its button saves: the browser asks before the user leaves the page with unsaved input, and the form
   is sent only when the server would accept it. */
import { wouldBeAccepted } from "./failing.js";

const typed = new Set();

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => {
    const form = event.target.form;
    if (form?.hasAttribute("data-guarded")) typed.add(form);
  });
}

let accepted = null; // the form that may be sent now
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.hasAttribute("data-guarded") || accepted === form || event.defaultPrevented) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!(await wouldBeAccepted())) return;
  accepted = form;
  form.requestSubmit(event.submitter ?? undefined);
  accepted = null;
}, true);

// Submitting another form of the page would lose what was typed in this one.
document.addEventListener("submit", (event) => { if (!event.defaultPrevented) typed.delete(event.target); });
document.addEventListener("click", (event) => { if (event.target.closest?.("[data-drops]")) typed.clear(); });
addEventListener("beforeunload", (event) => {
  if ([...typed].some((form) => form.isConnected)) event.preventDefault();
});
for (const form of document.querySelectorAll("form[data-guarded][data-unsaved]")) typed.add(form);

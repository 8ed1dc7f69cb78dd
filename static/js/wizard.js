/* The wizard: code that all of its pages share. */
import "./saving.js";
import "./machines.js";
import "./editor.js";
import "./roles.js";

const byId = (id) => document.getElementById(id);

/* Elements that need JavaScript are hidden until it runs. */
export function unhide(scope = document) {
  for (const node of scope.querySelectorAll("[data-needs-js][hidden]")) node.hidden = false;
}

/* An address that ends in the name of a field moves the focus to it. */
function goToField() {
  const field = location.hash.startsWith("#id_") && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!field) return;
  for (let fold = field.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  field.scrollIntoView({ block: "center" });
  field.focus({ preventScroll: true });
}
window.addEventListener("hashchange", goToField);

/* An unchecked box in a preview excludes its line. */
document.addEventListener("submit", (event) => {
  for (const box of event.target.querySelectorAll("[data-leave]:not(:checked)")) {
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: "leave", value: box.dataset.leave });
    event.target.append(field);
  }
}, true);

/* On a narrow screen the rail is a row that scrolls. */
const current = document.querySelector(".step.is-current");
const row = document.querySelector(".steps");
if (current && row.scrollWidth > row.clientWidth) row.scrollLeft = current.offsetLeft - row.clientWidth / 2 + current.offsetWidth / 2;

document.addEventListener("htmx:afterSettle", () => unhide());
document.addEventListener("htmx:oobAfterSwap", (event) => {
  unhide(event.target);
  if (event.target.id === "conflict") byId("conflict").querySelector("[role=alert]")?.focus();
  if (event.detail.target.id === "messages") byId("messages").querySelector(".note-error")?.focus();
});
unhide();
goToField();
// A browser that goes to the field itself before drawing it takes the focus away again, as late as at "load".
addEventListener("load", () => {
  if (document.activeElement === document.body) goToField();
});

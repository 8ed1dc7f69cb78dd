/* The wizard: one save at a time, always with the version that the page has by now. */
import "./machines.js";
import "./editor.js";
import "./roles.js";

const byId = (id) => document.getElementById(id);

/* What only works with JavaScript is hidden until it is there. */
export function unhide(scope = document) {
  for (const node of scope.querySelectorAll("[data-needs-js][hidden]")) node.hidden = false;
}

/* A save under way knows a version that is about to change: the button waits for it. */
let saving = false;
let waiting = null;
let refused = null;
const isForm = (node) => node.id === "wizard-form" || node.id === "yaml-form";

document.addEventListener("htmx:configRequest", (event) => {
  const version = byId("draft-version");
  if (version && event.detail.parameters.draft_version) event.detail.parameters.draft_version = version.value;
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (!isForm(event.target)) return;
  if (event.target.dataset.leaving) event.preventDefault();
  else saving = true;
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (!isForm(event.target)) return;
  saving = false;
  if (event.detail.xhr.status === 409) refused = event.target;
  if (!waiting) return;
  const button = waiting;
  waiting = null;
  if (event.detail.successful && button.isConnected) button.form.requestSubmit(button);
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  const version = byId("draft-version");
  const mine = form.querySelector("[data-version]");
  if (mine && version) mine.value = version.value;
  if (form.id !== "wizard-form") return;
  if (saving) {
    event.preventDefault();
    waiting = event.submitter;
    return;
  }
  form.dataset.leaving = "yes";
}, true);
window.addEventListener("pageshow", () => delete byId("wizard-form")?.dataset.leaving);

/* Two edits met: the person has seen both values and takes those typed here. */
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-mine]");
  if (!button) return;
  byId("draft-version").value = button.dataset.mine;
  byId("conflict").replaceChildren();
  if (refused?.id === "yaml-form") byId("yaml").dispatchEvent(new Event("input", { bubbles: true }));
  else htmx.trigger(byId("wizard-form"), "change");
});

/* An address that ends in the name of a field leads into it. */
function goToField() {
  const field = location.hash.startsWith("#id_") && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!field) return;
  for (let fold = field.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  field.scrollIntoView({ block: "center" });
  field.focus({ preventScroll: true });
}
window.addEventListener("hashchange", goToField);

/* A box left unticked in a preview is a line that stays out. */
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
});
unhide();
goToField();

/* The wizard: rows of machines without a round trip, and one save at a time. */
const form = document.getElementById("wizard-form");

function addMachine() {
  const total = form.querySelector("#id_host-TOTAL_FORMS");
  const box = document.createElement("template");
  box.innerHTML = document.getElementById("machine-template").innerHTML.replaceAll("__prefix__", total.value);
  total.value = String(Number(total.value) + 1);
  const row = box.content.firstElementChild;
  document.getElementById("machines").append(row);
  row.querySelector("input:not([type=hidden])").focus();
}

document.getElementById("add-machine")?.addEventListener("click", (event) => {
  event.preventDefault();
  addMachine();
});

/* A save under way knows a version that is about to change: the button waits for it. */
let saving = false;
let waiting = null;
form.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target !== form) return;
  if (form.dataset.leaving) event.preventDefault();
  else saving = true;
});
form.addEventListener("htmx:afterRequest", (event) => {
  if (event.target !== form) return;
  saving = false;
  if (!waiting) return;
  const button = waiting;
  waiting = null;
  if (event.detail.successful) form.requestSubmit(button);
});
form.addEventListener("submit", (event) => {
  if (saving) {
    event.preventDefault();
    waiting = event.submitter;
    return;
  }
  form.dataset.leaving = "yes";
}, true);
window.addEventListener("pageshow", () => delete form.dataset.leaving);

/* The practice machines' form says the version that the page has by now. */
document.addEventListener("submit", (event) => {
  const mine = event.target.querySelector("[data-version]");
  if (mine) mine.value = document.getElementById("draft-version").value;
}, true);

/* On a narrow screen the rail is a row that scrolls. */
const current = document.querySelector(".step.is-current");
const row = document.querySelector(".steps");
if (row.scrollWidth > row.clientWidth) row.scrollLeft = current.offsetLeft - row.clientWidth / 2 + current.offsetWidth / 2;

const preview = document.getElementById("preview");
if (preview && window.matchMedia("(max-width: 1240px)").matches) preview.open = false;

/* One save at a time, always with the version that the page has by now; what leaves the page waits for what is unsaved. */
const byId = (id) => document.getElementById(id);

// The forms that are saved as they are typed in; both write the same draft.
const KEPT = ["wizard-form", "yaml-form"];
const isKept = (form) => KEPT.includes(form?.id) && form.hasAttribute("hx-post");
const formOf = (field) => (field.id === "yaml" ? byId("yaml-form") : field.closest?.("form"));

const unsaved = new Set(); // the ids of those with something that no save has taken along yet
let saving = false; // a save under way knows a version that is about to change
let leaving = false; // the page is being left with all that is in it
let waiting = null; // the form, and its button, that was pressed while something was unsaved
let refused = null; // the form whose save met another edit, and what it sent

const spelled = (detail) => new URLSearchParams(detail.requestConfig.formData).toString();
const save = (id) => htmx.ajax("POST", byId(id).getAttribute("hx-post"), { source: byId(id) });

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => {
    const form = formOf(event.target);
    if (!isKept(form)) return;
    unsaved.add(form.id);
    if (kind === "input" && refused) refused.sent = null;
  }, true);
}

document.addEventListener("htmx:configRequest", (event) => {
  const version = byId("draft-version");
  if (version && event.detail.parameters.draft_version) event.detail.parameters.draft_version = version.value;
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (!isKept(event.target)) return;
  // The message on a refused save takes the focus, and the field that loses it says that it has changed. Nothing has: to send
  // the same again would only put another message below the hand that is about to press a button in this one.
  const again = refused?.form.id === event.target.id && refused.sent === spelled(event.detail);
  if (leaving || again) {
    event.preventDefault();
    if (again && waiting) stay();
    return;
  }
  saving = true;
  unsaved.delete(event.target.id);
});
document.addEventListener("htmx:afterRequest", (event) => {
  const { target: form, detail } = event;
  if (!isKept(form)) return;
  saving = false;
  if (detail.xhr.status === 409) refused = { form, sent: spelled(detail) };
  if (!detail.successful) unsaved.add(form.id);
  if (!waiting) return;
  if (detail.successful) goOn();
  else stay();
});

/** What was pressed is not done: the page says why. */
function stay() {
  waiting = null;
  byId("conflict").querySelector("[role=alert]")?.focus();
}

/** Save what is unsaved by now, and then do what was pressed. */
function goOn() {
  const { form, button } = waiting;
  const [first] = form.id === "wizard-form" ? [] : unsaved;
  if (first) {
    save(first);
    return;
  }
  waiting = null;
  // The answer may have put another form in the place of the one that was pressed; what was pressed is what is done.
  if (!form.isConnected && form.id !== "wizard-form") {
    form.hidden = true;
    document.body.append(form);
  }
  if (form.isConnected && (!button || button.form === form)) form.requestSubmit(button);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const main = form.id === "wizard-form";
  const mine = form.querySelector("[data-version]");
  if (!main && !mine) return;
  // The main form takes along what is in it, whether it was saved or not.
  if (saving || (mine && unsaved.size)) {
    event.preventDefault();
    waiting = { form, button: event.submitter };
    if (!saving) goOn();
    return;
  }
  if (mine) mine.value = byId("draft-version")?.value ?? mine.value;
  leaving = true;
}, true);
window.addEventListener("pageshow", () => { leaving = false; });

/* Two edits met: the person has seen both values and takes those typed here. */
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-mine]");
  if (!button) return;
  byId("draft-version").value = button.dataset.mine;
  byId("conflict").replaceChildren();
  save(refused?.form.id ?? "wizard-form");
});

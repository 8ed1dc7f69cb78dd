/* One save at a time, always with the version that the page has by now; what leaves the page waits for what is unsaved. */
const byId = (id) => document.getElementById(id);

// The forms that are saved as they are typed in; both write the same draft.
const KEPT = ["wizard-form", "yaml-form"];
const isKept = (form) => KEPT.includes(form?.id) && form.hasAttribute("hx-post");
const formOf = (field) => (field.id === "yaml" ? byId("yaml-form") : field.closest?.("form"));

const unsaved = new Set(); // the ids of the forms with input that no save has sent yet
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
  // The message about a conflict takes the focus from the field, which then reports a change. Sending the same content again
  // would replace that message while somebody is about to press one of its buttons.
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

/** Do not go on with the button that was pressed; the message on the page says why. */
function stay() {
  waiting = null;
  byId("conflict")?.querySelector("[role=alert]")?.focus();
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
  // The answer may have replaced the form of the button; the form that the person saw is the one to submit.
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
  // The main form submits its own fields, saved or not.
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

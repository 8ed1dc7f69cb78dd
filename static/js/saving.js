/* One save at a time, always with the page's current version; whatever leaves the page waits for unsaved input. */
const byId = (id) => document.getElementById(id);

// The forms that are saved while the user types; both write the same draft.
const AUTOSAVED = ["wizard-form", "yaml-form"];
const isSaved = (form) => AUTOSAVED.includes(form?.id) && form.hasAttribute("hx-post");
const formOf = (field) => (field.id === "yaml" ? byId("yaml-form") : field.closest?.("form"));

const unsaved = new Set(); // the ids of the forms with input that no save has sent yet
let saving = false; // a save is in progress; its version is about to change
let leaving = false; // the page is being left
let waiting = null; // what to do as soon as everything is saved
let following = false; // the forms are about to be updated from a saved text
let refused = null; // the form whose save conflicted with another edit, and what it sent
let stuck = ""; // the link that could not be followed because nothing could be saved

const spelled = (detail) => new URLSearchParams(detail.requestConfig.formData).toString();
/** Save a form; a form that is gone or can no longer be saved has nothing left to save. */
function save(id) {
  const address = byId(id)?.getAttribute("hx-post");
  if (address) htmx.ajax("POST", address, { source: byId(id) });
  else {
    unsaved.delete(id);
    if (waiting) goOn();
  }
}
const pending = () => saving || following || unsaved.size > 0;

for (const form of document.querySelectorAll("form[data-unsaved]")) if (isSaved(form)) unsaved.add(form.id);

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => {
    const form = formOf(event.target);
    if (!isSaved(form)) return;
    unsaved.add(form.id);
    if (kind === "input" && refused) refused.sent = null;
  }, true);
}

document.addEventListener("htmx:configRequest", (event) => {
  const version = byId("draft-version");
  if (version && event.detail.parameters.draft_version) event.detail.parameters.draft_version = version.value;
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (!isSaved(event.target)) return;
  // The message about a conflict takes the focus from the field, which then reports a change. Sending the same content
  // again would replace that message while the user is about to press one of its buttons.
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
  if (following && detail.requestConfig.verb === "get" && detail.requestConfig.path === location.pathname) {
    following = false;
    if (waiting) goOn();
  }
  if (!isSaved(form)) return;
  saving = false;
  if (detail.xhr.status === 409) refused = { form, sent: spelled(detail) };
  if (!detail.successful) unsaved.add(form.id);
  else {
    stuck = "";
    if (form.id === "yaml-form") following = true;
  }
  if (!waiting || following) return;
  if (detail.successful) goOn();
  else stay();
});

/** Drop the pending action; the message on the page shows why. */
function stay() {
  waiting = null;
  byId("conflict")?.querySelector("[role=alert]")?.focus();
}

/** Save everything that is unsaved, then carry out the pending action. */
function goOn() {
  const [first] = unsaved;
  if (first) {
    save(first);
    return;
  }
  const go = waiting;
  waiting = null;
  go();
}

/** Run an action that leaves the page, or needs the stored draft, once all input is saved. */
export function whenSaved(go) {
  waiting = go;
  if (!saving && !following) goOn();
}

/** The button of a new form that corresponds to the pressed one. */
const twin = (form, button) => [...form.elements].find((one) => one.name === button.name && one.value === button.value);

/** Submit the form again; the response to a save may have replaced it. */
function submit(form, button) {
  if (form.isConnected) {
    form.requestSubmit(button?.form === form ? button : undefined);
    return;
  }
  if (form.id === "wizard-form") {
    byId(form.id).requestSubmit(button && twin(byId(form.id), button));
    return;
  }
  form.hidden = true;
  document.body.append(form);
  form.requestSubmit(button?.form === form ? button : undefined);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const mine = form.querySelector("[data-version]");
  if (form.id !== "wizard-form" && !mine) return;
  // Input that replaces a newer version is sent as it is: a save would conflict with that version again.
  const instead = event.submitter?.name === "instead_of";
  if (pending() && !instead) {
    event.preventDefault();
    whenSaved(() => submit(form, event.submitter));
    return;
  }
  if (mine && !instead) mine.value = byId("draft-version")?.value ?? mine.value;
  leaving = true;
}, true);
window.addEventListener("pageshow", () => { leaving = false; });

/** Whether a click leads to another page in this tab. */
function leaves(event, link) {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return false;
  if (link.hasAttribute("download") || (link.target && link.target !== "_self")) return false;
  return link.href.split("#")[0] !== location.href.split("#")[0] || !link.hash;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || !leaves(event, link)) return;
  if (link.hasAttribute("data-drops")) {
    unsaved.clear();
    leaving = true;
    return;
  }
  // When the link is followed a second time, the browser asks whether to leave unsaved input.
  if (!pending() || stuck === link.href) return;
  event.preventDefault();
  stuck = link.href;
  whenSaved(() => {
    leaving = true;
    location.assign(link.href);
  });
});

/* Closing the tab with unsaved changes asks first; hiding the tab saves at once. */
window.addEventListener("beforeunload", (event) => {
  if (leaving || !pending()) return;
  event.preventDefault();
  saveNow();
});
document.addEventListener("visibilitychange", () => { if (document.hidden && !leaving) saveNow(); });

function saveNow() {
  const [first] = unsaved;
  if (first && !saving && !refused?.sent) save(first);
}

/* The message about a failed save triggers the retry. */
document.addEventListener("slipway:again", (event) => {
  if (!saving && unsaved.has(event.target.id)) save(event.target.id);
});

/* Two edits conflict: the user has seen both values and chooses those typed here. */
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-mine]");
  if (!button) return;
  byId("draft-version").value = button.dataset.mine;
  byId("conflict").replaceChildren();
  save(refused?.form.id ?? "wizard-form");
});

/* Failed saves and requests are reported in one place of the page, with what to do, until they succeed. */
import { announce } from "./announcing.js";

const byId = (id) => document.getElementById(id);
const box = byId("failing");
const words = box?.dataset ?? {};

// Milliseconds until a save is tried again: the first pause, and the longest after it has doubled several times.
const FIRST_PAUSE = 2000;
const LONGEST_PAUSE = 30000;
// Milliseconds between two requests of a part of the page that polls, while they fail.
const QUIET = 10000;
// Statuses whose responses are shown as messages in the page.
const ANSWERED = [409, 422];
const REPEATED = ["offline", "broken", "out"];
const BACK_WITH_ANY = ["offline", "out"];

const failures = new Map(); // the request -> how it failed
let timer = 0;
let pause = FIRST_PAUSE;

const isSave = (elt) => elt.localName === "form" && elt.hasAttribute("hx-trigger") && Boolean(elt.id);
const keyOf = ({ elt, requestConfig }) => (isSave(elt) ? elt.id : `${requestConfig.verb} ${requestConfig.path}`);
const kindOf = ({ elt, requestConfig }) => (isSave(elt) ? "save" : requestConfig.verb === "get" ? "fetch" : "action");

function causeOf({ status }) {
  if (status === 0) return "offline";
  if (status === 401) return "out";
  if (status === 403) return "forbidden";
  if (status === 404) return "gone";
  if (status === 413) return "large";
  return "broken";
}

/** The message about the worst failure; a failed save comes first. */
function sentences() {
  const all = [...failures.values()];
  const one = ["save", "form", "action", "fetch"].map((kind) => all.find((each) => each.kind === kind)).find(Boolean);
  const cause = words[one.cause].replace("%s", one.status);
  const beside = { save: words.beside, form: words.besideForm }[one.kind];
  const typed = beside ? [words.typed, one.cause === "out" ? beside : ""] : [];
  const next = one.kind === "save" && ["offline", "broken"].includes(one.cause) ? words.retried : "";
  return { one, text: [words[one.kind === "form" ? "save" : one.kind], cause, ...typed, next].filter(Boolean).join(" ") };
}

function show() {
  if (!box) return;
  box.hidden = failures.size === 0;
  if (box.hidden) {
    byId("failing-text").textContent = "";
    return;
  }
  const { one, text } = sentences();
  const link = byId("failing-sign-in");
  link.hidden = one.cause !== "out";
  // What was typed stays in this tab, so the user signs in in another one.
  link.target = ["save", "form"].includes(one.kind) ? "_blank" : "";
  link.href = `${words.login}?${new URLSearchParams({ next: location.pathname + location.search })}`;
  byId("failing-again").hidden = one.kind !== "save" || one.cause === "out";
  if (byId("failing-text").textContent === text) return;
  byId("failing-text").textContent = text;
  announce(text);
}

function notSaved() {
  const saved = byId("saved");
  if (!saved) return;
  saved.textContent = words.notSaved;
  saved.classList.add("tone-failed");
}

/** Retry every save that failed for one of these causes. */
function again(causes) {
  if (causes === REPEATED) {
    clearTimeout(timer);
    timer = 0;
  }
  for (const [key, { kind, cause }] of failures) {
    if (kind === "save" && causes.includes(cause)) byId(key)?.dispatchEvent(new Event("slipway:again", { bubbles: true }));
  }
}

function later() {
  if (timer || ![...failures.values()].some(({ kind, cause }) => kind === "save" && REPEATED.includes(cause))) return;
  timer = setTimeout(() => again(REPEATED), pause);
  pause = Math.min(LONGEST_PAUSE, pause * 2);
}

/** Fetch a new CSRF token; it changes when the user signs in in another tab. Returns the cause of a failure, or "". */
async function freshToken() {
  const answer = await fetch(words.token, { headers: { "HX-Request": "true" } }).catch(() => ({ status: 0 }));
  if (!answer.ok) return causeOf(answer);
  const { token, user } = await answer.json().catch(() => ({}));
  if (!token) return "forbidden";
  if (user !== words.user) return "other";
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
  for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
  return "";
}

/** Whether the server would accept a form that leaves the page; if not, the page shows why. */
export async function wouldBeAccepted() {
  const cause = await freshToken();
  if (cause) failures.set("form", { kind: "form", cause, status: 0, at: Date.now() });
  else failures.delete("form");
  show();
  return !cause;
}

/** Resend a request that was refused before it did anything. */
function repeat({ elt, requestConfig }) {
  const event = requestConfig.triggeringEvent;
  if (isSave(elt)) elt.dispatchEvent(new Event("slipway:again", { bubbles: true }));
  else if (elt.isConnected && event?.type === "submit") elt.requestSubmit(event.submitter?.isConnected ? event.submitter : undefined);
  else if (elt.isConnected && event) htmx.trigger(elt, event.type);
}

async function failed(detail, cause) {
  const key = keyOf(detail);
  const kind = kindOf(detail);
  if (kind === "save") notSaved();
  // The page of a run shows by itself whether it is up to date.
  if (kind === "fetch" && document.querySelector("[data-when-live]")) return;
  const known = failures.get(key);
  failures.set(key, { kind, cause, status: detail.xhr.status, at: Date.now(), renewed: known?.renewed });
  if (detail.xhr.getResponseHeader("X-Token-Refused") && !known?.renewed) {
    const missing = await freshToken();
    failures.set(key, { ...failures.get(key), cause: missing || cause, renewed: true });
    if (!missing) {
      repeat(detail);
      return;
    }
  }
  show();
  later();
}

function succeeded(detail) {
  failures.delete(keyOf(detail));
  // The server responds, and the login is valid.
  for (const [key, { kind }] of failures) if (kind !== "save") failures.delete(key);
  show();
  if (!failures.size) pause = FIRST_PAUSE;
  // Saves that failed without a response or a login are retried at once; after a server error they wait for the timer.
  else if ([...failures.values()].some(({ cause }) => BACK_WITH_ANY.includes(cause))) again(BACK_WITH_ANY);
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const known = failures.get(keyOf(event.detail));
  if (known?.kind === "fetch" && Date.now() - known.at < QUIET) event.preventDefault();
});
document.addEventListener("htmx:afterRequest", (event) => {
  const { detail } = event;
  const { status } = detail.xhr;
  if (ANSWERED.includes(status)) {
    if (isSave(detail.elt)) notSaved();
    failures.delete(keyOf(detail));
    show();
  } else if (detail.successful) succeeded(detail);
  else if (status) failed(detail, causeOf(detail.xhr));
});
// A request that was aborted for a newer one has no status either, but it is not an error.
for (const kind of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(kind, ({ detail }) => failed(detail, "offline"));
}
byId("failing-again")?.addEventListener("click", () => {
  for (const [key, { kind }] of failures) if (kind === "save") byId(key)?.dispatchEvent(new Event("slipway:again", { bubbles: true }));
});
addEventListener("online", () => again(REPEATED));
document.addEventListener("visibilitychange", () => { if (!document.hidden) again(REPEATED); });

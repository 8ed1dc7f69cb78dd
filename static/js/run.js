/* The run page: keeps header and grid up to date, shows the state of the connection, and starts the log. */
import { announce } from "./announcing.js";
import { startLog } from "./log.js";
import { follow } from "./socket.js";

const BETWEEN = 500;
const SLOW = 5000;
const REFRESHING = ["step", "run", "failure", "plan", "observed", "delivered", "extended", "uncut"];
const TONES = { live: "running", again: "warning", over: "waiting", out: "failed", gone: "failed", lost: "failed" };

const state = () => document.getElementById("run-state");
const active = () => state().dataset.active === "yes";

let announcedState = state().dataset.state;
const drawing = document.querySelector("link[rel=icon]");
const page = document.getElementById("run-page");
/** Show the state of the run in the tab's title and icon. */
function updateTab() {
  document.title = state().dataset.title;
  const wanted = `${page.dataset.icons}run-${state().dataset.icon}.svg`;
  if (drawing.getAttribute("href") !== wanted) drawing.setAttribute("href", wanted);
  if (state().dataset.state !== announcedState) {
    announcedState = state().dataset.state;
    announce(document.title);
  }
}

let timer = 0;
let last = 0;
/** Fetch header and grid, at most twice a second. */
function refresh() {
  if (timer || ["out", "gone"].includes(document.getElementById("live").dataset.live)) return;
  timer = setTimeout(() => {
    timer = 0;
    last = Date.now();
    for (const id of ["run-top", "run-grid", "run-tab"]) if (document.getElementById(id)) htmx.trigger(`#${id}`, "refresh");
  }, Math.max(0, last + BETWEEN - Date.now()));
}

function stoodAt(moment) {
  for (const time of document.querySelectorAll("[data-when-live] time")) {
    time.dateTime = moment.toISOString();
    time.textContent = moment.toLocaleTimeString();
  }
}

function live(how) {
  const badge = document.getElementById("live");
  badge.className = `live tone-${TONES[how]}`;
  badge.dataset.live = how;
  document.getElementById("live-word").textContent = badge.getAttribute(`data-words-${how}`);
  const still = ["out", "gone"].includes(how);
  // A page without live updates must not look active: spinners stop.
  if (still && !page.classList.contains("is-still")) stoodAt(new Date());
  page.classList.toggle("is-still", still);
  for (const note of document.querySelectorAll("[data-when-live]")) {
    note.hidden = note.dataset.whenLive !== how;
    if (!note.hidden) announce(note.querySelector("span").textContent.replace(/\s+/g, " ").trim());
  }
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.xhr.status === 401) live("out");
});

/** Keep the failed, cancelled or running step visible, unless the user is looking at another one. */
function keepInSight() {
  const grid = document.getElementById("run-grid");
  const first = (how) => grid?.querySelector(`tbody:not(.is-folded) .cell.is-${how}`);
  const cell = first("failed") || first("cancelled") || first("running");
  if (!cell || grid.matches(":hover, :focus-within")) return;
  const place = cell.getBoundingClientRect();
  const frame = grid.getBoundingClientRect();
  const under = place.bottom - frame.bottom + 48;
  const over = frame.top + 64 - place.top;
  if (under > 0) grid.scrollTop += under;
  else if (over > 0) grid.scrollTop -= over;
}

// Phases that the user folded; every new grid arrives unfolded.
const folded = new Set(JSON.parse(sessionStorage.getItem("slipway-folded") || "[]"));
function fold() {
  for (const body of document.querySelectorAll("#run-grid tbody[data-phase]")) {
    const closed = folded.has(body.dataset.phase);
    body.classList.toggle("is-folded", closed);
    body.querySelector(".phase-fold").setAttribute("aria-expanded", String(!closed));
  }
}
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-opens=cancel-run]")) {
    const now = document.getElementById("cancel-now");
    now.hidden = !state().dataset.now;
    now.lastElementChild.textContent = state().dataset.now;
  }
  const button = event.target.closest(".phase-fold");
  if (button) {
    const { phase } = button.closest("tbody").dataset;
    if (!folded.delete(phase)) folded.add(phase);
    sessionStorage.setItem("slipway-folded", JSON.stringify([...folded]));
    fold();
  }
  const opener = event.target.closest("[data-keeps=open]");
  if (opener) {
    // The address stores which group is open, next to the filter of the log.
    const address = new URL(location.href);
    const wanted = new URL(opener.href).searchParams.get("open");
    if (wanted) address.searchParams.set("open", wanted);
    else address.searchParams.delete("open");
    history.replaceState(null, "", address);
  }
});

updateTab();
fold();
keepInSight();
document.addEventListener("htmx:afterSwap", fold);
document.addEventListener("htmx:afterSettle", keepInSight);
document.addEventListener("htmx:afterSettle", updateTab);
setInterval(() => { if (active() && !document.hidden) refresh(); }, SLOW);
document.addEventListener("visibilitychange", () => { if (!document.hidden && active()) refresh(); });

const box = document.getElementById("log");
const log = box ? startLog(box) : { ready: Promise.resolve(Number(page.dataset.lastSeq)), take() {} };
log.ready.then((seq) => follow(page.dataset.socket, seq, {
  onEvents(events) {
    log.take(events);
    if (events.some((event) => REFRESHING.includes(event.kind))) refresh();
  },
  onLive: live,
  onEnd: refresh,
}), () => live("lost"));

/* The run page: keeps header and grid fresh, tells whether the connection lives, and starts the log. */
import { announce } from "./app.js";
import { startLog } from "./log.js";
import { follow } from "./socket.js";

const BETWEEN = 500;
const SLOW = 5000;
const TELLING = ["step", "run", "failure", "plan", "observed", "delivered"];
const LIVE = {
  live: ["running", "Live"],
  again: ["warning", "Reconnecting"],
  over: ["waiting", "Finished"],
  lost: ["failed", "Not connected: sign in again"],
};

const state = () => document.getElementById("run-state");
const active = () => state().dataset.active === "yes";

let said = state().dataset.state;
function tell() {
  document.title = state().dataset.title;
  if (state().dataset.state !== said) {
    said = state().dataset.state;
    announce(document.title);
  }
}

let timer = 0;
let last = 0;
/** Fetch header and grid, at most twice a second. */
function refresh() {
  if (timer) return;
  timer = setTimeout(() => {
    timer = 0;
    last = Date.now();
    for (const id of ["run-top", "run-grid"]) htmx.trigger(`#${id}`, "refresh");
  }, Math.max(0, last + BETWEEN - Date.now()));
}

function live(how) {
  const [tone, word] = LIVE[how];
  const badge = document.getElementById("live");
  badge.className = `live tone-${tone}`;
  badge.dataset.live = how;
  document.getElementById("live-word").textContent = word;
}

/** Keep the step that is being done in sight, unless somebody is looking at another one. */
function keepInSight() {
  const grid = document.getElementById("run-grid");
  const cell = grid.querySelector(".cell.is-running");
  if (!cell || grid.matches(":hover, :focus-within")) return;
  const place = cell.getBoundingClientRect();
  const frame = grid.getBoundingClientRect();
  const under = place.bottom - frame.bottom + 48;
  const over = frame.top + 64 - place.top;
  if (under > 0) grid.scrollTop += under;
  else if (over > 0) grid.scrollTop -= over;
}

tell();
keepInSight();
document.addEventListener("htmx:afterSettle", keepInSight);
document.addEventListener("htmx:afterSettle", tell);
setInterval(() => { if (active() && !document.hidden) refresh(); }, SLOW);
document.addEventListener("visibilitychange", () => { if (!document.hidden && active()) refresh(); });

const box = document.getElementById("log");
const log = startLog(box);
log.ready.then((seq) => follow(box.dataset.socket, seq, {
  onEvents(events) {
    log.take(events);
    if (events.some((event) => TELLING.includes(event.kind))) refresh();
  },
  onLive: live,
  onEnd: refresh,
}), () => live("lost"));

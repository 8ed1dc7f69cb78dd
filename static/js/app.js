/* Code of every page: local times, the theme switch, menus, dialogs, and visible errors when a request fails. */
import "./calm.js";
import "./announcing.js";
import "./failing.js";
import "./focus.js";
import "./guarding.js";

const root = document.documentElement;
const pad = (number) => String(number).padStart(2, "0");

const CLOCK = new Intl.DateTimeFormat(root.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const MOMENT = new Intl.DateTimeFormat(root.lang, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });

/** Show server times in the viewer's time zone; the tooltip keeps UTC. */
export function localTimes(scope = document) {
  for (const time of scope.querySelectorAll("time[data-local]")) {
    const at = new Date(time.dateTime);
    const text = (time.dataset.local === "clock" ? CLOCK : MOMENT).format(at);
    if (time.textContent !== text) time.textContent = text;
  }
}

/** Seconds as 4 s, 2 m 41 s, 1 h 3 m: the same format as the server's. */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} m`;
}

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
const AGO = new Intl.RelativeTimeFormat(root.lang, { numeric: "always" });

/** How long ago, in the same words as the server's. */
function ago(seconds, justNow) {
  const unit = UNITS.find(([, length]) => seconds >= length);
  return unit ? AGO.format(-Math.floor(seconds / unit[1]), unit[0]) : justNow;
}

/** Times of a page that stays open grow, and what was observed fades when it is no longer fresh. */
function age() {
  const past = (moment) => (Date.now() - Date.parse(moment)) / 1000;
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const text = ago(past(time.dateTime), time.dataset.ago);
    if (time.textContent !== text) time.textContent = text;
  }
  for (const node of document.querySelectorAll("[data-seen]:not([data-stale])")) {
    if (past(node.dataset.seen) > Number(node.dataset.fresh)) node.dataset.stale = "";
  }
}

function tick() {
  age();
  for (const node of document.querySelectorAll("[data-since]")) {
    if (node.closest(".is-still")) continue;
    const text = duration((Date.now() - Date.parse(node.dataset.since)) / 1000);
    if (node.textContent !== text) node.textContent = text;
  }
}

function theme() {
  const button = document.getElementById("theme-switch");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
    root.dataset.bsTheme = next;
    try { localStorage.setItem("slipway-theme", next); } catch { /* private mode: it lasts for this page */ }
  });
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) if (menu !== except) menu.open = false;
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  const dialog = opener && document.getElementById(opener.dataset.opens);
  if (dialog) {
    event.preventDefault();
    closeMenus();
    dialog.showModal();
    return;
  }
  if (event.target.closest("[data-closes]")) {
    event.preventDefault();
    event.target.closest("dialog").close();
  }
  closeMenus(event.target.closest("details[data-menu]"));
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details[data-menu][open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});
/** The buttons that send a form, those outside of it that name it, too. */
const submitters = (form) => [...form.elements].filter((one) => one.localName === "button" && one.type === "submit");
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]") || event.defaultPrevented) return;
  for (const button of submitters(form)) button.setAttribute("aria-disabled", "true");
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of submitters(form)) button.removeAttribute("aria-disabled");
  }
});
document.addEventListener("input", (event) => {
  const wanted = event.target.dataset?.mustEqual;
  if (wanted === undefined) return;
  event.target.form.querySelector("[data-when-equal]").disabled = event.target.value.trim() !== wanted;
});
document.addEventListener("htmx:afterSwap", () => { localTimes(); tick(); });
document.addEventListener("htmx:oobAfterSwap", (event) => localTimes(event.target));

theme();
localTimes();
tick();
setInterval(tick, 1000);

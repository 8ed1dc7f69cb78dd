/* Rows of machines: added, marked and saved row by row, so that three hundred cost as little as three. */
import { whenSaved } from "./saving.js";

const byId = (id) => document.getElementById(id);
const rows = () => [...document.querySelectorAll("#machines > .machine")];
const MOST_FREE = 50;

/* Rows edited since they were saved; the number distinguishes edits during a save from those before it. */
const dirty = new Map();
let sent = new Map();
const rowOf = (node) => node.closest?.(".machine");
// Input that a refused page shows again is not saved.
for (const prefix of byId("wizard-form")?.dataset.unsaved?.split(",") ?? []) dirty.set(prefix, 1);

document.addEventListener("input", (event) => {
  const row = rowOf(event.target);
  if (!row || event.target.name === "pick") return;
  dirty.set(row.dataset.prefix, (dirty.get(row.dataset.prefix) ?? 0) + 1);
  if (event.target.dataset.unique) markSoon();
});

document.addEventListener("htmx:configRequest", (event) => {
  if (event.target.id !== "wizard-form" || !byId("machines")) return;
  const { parameters } = event.detail;
  sent = new Map(dirty);
  for (const key of [...parameters.keys()]) {
    const prefix = key.match(/^(host-\d+)-(?!row$)/)?.[1];
    if (key === "pick" || key === "add_count" || (prefix && !dirty.has(prefix))) parameters.delete(key);
  }
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.target.id !== "wizard-form" || !event.detail.successful) return;
  for (const [prefix, count] of sent) if (dirty.get(prefix) === count) dirty.delete(prefix);
});

/* With many rows, a button also sends only the edited ones. */
document.addEventListener("submit", (event) => {
  if (event.target.id !== "wizard-form" || event.defaultPrevented || rows().length <= MOST_FREE) return;
  for (const row of rows()) {
    if (dirty.has(row.dataset.prefix)) continue;
    for (const field of row.querySelectorAll(".m-field input, .m-field select")) field.disabled = true;
  }
}, true);
window.addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll(".m-field :disabled")) field.disabled = false;
});

/* Duplicate names, or duplicate addresses with the same port: searched for after a short pause in typing. */
let marking = 0;
function markSoon() {
  clearTimeout(marking);
  marking = setTimeout(markTwins, 120);
}

function markTwins() {
  const seen = new Map();
  for (const field of document.querySelectorAll("#machines [data-unique]")) {
    const value = field.value.trim();
    if (!value) continue;
    const port = field.dataset.unique === "address" ? rowOf(field).querySelector("[name$='-port']").value : "";
    const key = `${field.dataset.unique} ${value} ${port}`;
    seen.set(key, [...(seen.get(key) ?? []), field]);
  }
  const twins = new Set([...seen.values()].filter((fields) => fields.length > 1).flat());
  for (const field of document.querySelectorAll("#machines [data-unique]")) {
    if (twins.has(field)) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
}

function addRows(count) {
  const list = byId("machines");
  let next = Math.max(-1, ...rows().map((row) => Number(row.dataset.prefix.split("-")[1]))) + 1;
  const box = document.createElement("template");
  const text = byId("machine-template").innerHTML;
  for (let added = 0; added < count; added += 1) box.innerHTML += text.replaceAll("__prefix__", next++);
  const first = box.content.firstElementChild;
  list.append(box.content);
  first.querySelector("[name$='-name']").focus();
}

document.addEventListener("click", (event) => {
  if (event.target.closest("#add-machine")) {
    event.preventDefault();
    const count = Number.parseInt(byId("add-count").value, 10);
    addRows(Math.min(100, Math.max(1, count || 1)));
    byId("add-count").value = "1";
  }
  const remove = event.target.closest("[data-remove]");
  if (remove && !rowOf(remove).querySelector("[name$='-row']").value) {
    event.preventDefault();
    const row = rowOf(remove);
    const near = row.nextElementSibling ?? row.previousElementSibling;
    dirty.delete(row.dataset.prefix);
    row.remove();
    (near?.querySelector("[data-remove]") ?? byId("add-machine")).focus();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.id !== "add-count") return;
  event.preventDefault();
  byId("add-machine").click();
});

/* Several lines pasted into a field are a list: the page that reads lists shows what it recognizes. */
document.addEventListener("paste", (event) => {
  const field = event.target.closest?.("#machines input");
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!field || !text.trim().includes("\n")) return;
  event.preventDefault();
  const post = document.createElement("form");
  post.method = "post";
  post.action = byId("add-many").href;
  const token = document.querySelector("#wizard-form [name=csrfmiddlewaretoken]").value;
  const fields = { csrfmiddlewaretoken: token, action: "preview", text };
  for (const [name, value] of Object.entries(fields)) {
    const area = document.createElement("textarea");
    Object.assign(area, { name, value });
    post.append(area);
  }
  post.hidden = true;
  document.body.append(post);
  whenSaved(() => post.submit());
});

/* Selected rows. */
function countPicked() {
  const boxes = [...document.querySelectorAll("#machines [name=pick]")];
  const ticked = boxes.filter((box) => box.checked).length;
  const words = byId("picked");
  if (!words) return;
  words.textContent = ticked ? `${ticked} ${words.dataset.word}` : "";
  for (const button of document.querySelectorAll("[data-for-picked]")) button.disabled = !ticked;
  byId("pick-all").checked = ticked > 0 && ticked === boxes.length;
}
let lastPick = null;
document.addEventListener("click", (event) => {
  if (event.target.name !== "pick") return;
  const boxes = [...document.querySelectorAll("#machines [name=pick]")];
  if (event.shiftKey && lastPick) {
    const [from, to] = [boxes.indexOf(lastPick), boxes.indexOf(event.target)].sort((a, b) => a - b);
    for (const box of boxes.slice(from, to + 1)) box.checked = event.target.checked;
  }
  lastPick = event.target;
});
document.addEventListener("change", (event) => {
  if (event.target.id === "pick-all") {
    for (const box of document.querySelectorAll("#machines [name=pick]")) box.checked = event.target.checked;
  }
  if (event.target.id === "pick-all" || event.target.name === "pick") {
    event.stopPropagation();
    countPicked();
  }
}, true);
if (byId("machines")) {
  countPicked();
  markTwins();
}
document.addEventListener("htmx:afterSettle", () => {
  if (!byId("machines")) return;
  countPicked();
  markSoon();
});

/* The problems of all rows come in one element; hundreds of elements would each need a separate swap. */
document.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.target.id !== "row-problems") return;
  for (const fresh of event.target.children) {
    const shown = byId(`problem-${fresh.dataset.of}`);
    if (shown && shown.innerHTML.trim() !== fresh.innerHTML.trim()) shown.innerHTML = fresh.innerHTML.trim();
  }
  event.target.replaceChildren();
});

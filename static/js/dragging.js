/* Mouse drags in the matrix of roles: across boxes they set them, and from a machine's name they assign a role.
   Touch scrolls instead; boxes, buttons and keys can do all of it, too. */
import { boxesOf, placeOf, tick } from "./matrix.js";

const FAR = 6; // pixels that are still a click
const EDGE = 56; // pixels from the window's edge within which it scrolls
const SPEED = 0.84; // pixels that it scrolls in a millisecond
const PAUSE = 250; // the most milliseconds that count for one frame, so that the page does not jump after a slow one
let drag = null;

const cellAt = (x, y) => document.elementFromPoint(x, y)?.closest("#matrix td, #matrix th");

document.addEventListener("pointerdown", (event) => {
  const cell = event.target.closest?.("#matrix tbody td:has(.tick), #matrix tbody th");
  if (!cell || event.button !== 0 || event.pointerType === "touch" || cell.closest("fieldset:disabled")) return;
  const grid = boxesOf(cell.closest("#matrix"));
  const box = cell.querySelector(".tick");
  const before = new Map(grid.flat().map((each) => [each, each.checked]));
  const kind = box ? painting(grid, box, before) : carrying(cell);
  drag = { ...kind, x: event.clientX, y: event.clientY, start: [event.clientX, event.clientY], begun: false };
});

document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  [drag.x, drag.y] = [event.clientX, event.clientY];
  if (!drag.begun && Math.hypot(drag.x - drag.start[0], drag.y - drag.start[1]) > FAR) begin();
  if (!drag.begun) return;
  event.preventDefault();
  drag.over(drag.x, drag.y);
});

document.addEventListener("pointerup", () => end(true));
document.addEventListener("pointercancel", () => end(false));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !drag?.begun) return;
  event.preventDefault();
  drag.drop(false);
  // Until the button is released, the drag does nothing more; the click that follows is still swallowed.
  Object.assign(drag, { over: () => {}, drop: () => {}, scrolls: false });
});

function begin() {
  drag.begun = true;
  getSelection().removeAllRanges();
  document.documentElement.classList.add("is-dragging");
  drag.drawn = performance.now();
  requestAnimationFrame(scroll);
}

/* While the pointer rests at the window's edge, the page keeps scrolling. */
function scroll(now) {
  if (!drag?.begun) return;
  const took = Math.min(PAUSE, Math.max(0, now - drag.drawn));
  drag.drawn = now;
  const top = document.querySelector("#matrix thead")?.getBoundingClientRect().bottom ?? 0;
  const up = drag.y < Math.max(top, EDGE) + 8 && drag.scrolls ? -1 : 0;
  const by = drag.y > innerHeight - EDGE ? 1 : up;
  if (by && drag.scrolls) {
    scrollBy({ top: by * Math.round(SPEED * took), behavior: "instant" });
    drag.over(drag.x, drag.y);
  }
  requestAnimationFrame(scroll);
}

function end(apply) {
  if (!drag) return;
  const done = drag;
  drag = null;
  if (!done.begun) return;
  document.documentElement.classList.remove("is-dragging");
  // The click that follows belongs to the drag.
  const swallow = (event) => { event.preventDefault(); event.stopPropagation(); };
  document.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => document.removeEventListener("click", swallow, { capture: true }));
  done.drop(apply);
}

/* Every box between the first one and the one below the pointer gets the opposite of the first one's state. */
function painting(grid, first, before) {
  const on = !first.checked;
  let [down, across] = placeOf(grid, first);
  const from = [down, across];
  const within = (value, one, other) => value >= Math.min(one, other) && value <= Math.max(one, other);
  const over = (x, y) => {
    const cell = cellAt(x, y);
    const row = cell?.closest("tbody tr");
    const there = row ? grid.findIndex((each) => each[0].closest("tr") === row) : -1;
    if (there >= 0) down = there;
    const box = cell?.querySelector(".tick");
    if (box && there >= 0) across = grid[there].indexOf(box);
    grid.forEach((boxes, r) => boxes.forEach((each, c) => {
      each.checked = within(r, from[0], down) && within(c, from[1], across) ? on : before.get(each);
    }));
  };
  const drop = (apply) => {
    const changed = grid.flat().filter((each) => each.checked !== before.get(each));
    for (const each of changed) each.checked = before.get(each);
    if (apply) tick(changed, on);
  };
  return { over, drop, scrolls: true };
}

/* A chip with the machine's name follows the pointer; the machine gets the role on which it is dropped. */
function carrying(head) {
  const row = head.closest("tr");
  const heads = [...head.closest("#matrix").querySelectorAll("thead th[data-role]")];
  let chip = null;
  let target = null;
  const over = (x, y) => {
    if (!chip) {
      chip = Object.assign(document.createElement("div"), { className: "drag-chip mono", ariaHidden: "true" });
      chip.textContent = head.querySelector(".mono").textContent;
      document.body.append(chip);
    }
    chip.style.translate = `${x + 12}px ${y + 12}px`;
    const column = cellAt(x, y)?.cellIndex;
    target = heads.find((each) => each.cellIndex === column) ?? null;
    for (const each of heads) each.classList.toggle("is-target", each === target);
  };
  const drop = (apply) => {
    chip?.remove();
    for (const each of heads) each.classList.remove("is-target");
    if (apply && target) tick([...row.querySelectorAll(`.tick[name="role-${target.dataset.role}"]`)], true);
  };
  return { over, drop, scrolls: false };
}

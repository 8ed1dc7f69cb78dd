/* The matrix of roles: whole columns and rows at once, arrow keys between the boxes, and a mouse that paints. */
import "./dragging.js";
import { boxesOf, placeOf, tick } from "./matrix.js";

document.addEventListener("click", (event) => {
  const button = event.target.closest("#matrix [data-to]");
  if (!button) return;
  const on = button.dataset.to === "on";
  const scope = button.hasAttribute("data-row") ? button.closest("tr") : document.getElementById("matrix");
  const named = button.dataset.tick ? `[name="${button.dataset.tick}"]` : "";
  tick([...scope.querySelectorAll(`.tick${named}`)], on);
});

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
document.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  const matrix = event.target.closest?.("#matrix");
  if (!step || !matrix || !event.target.matches(".tick")) return;
  const grid = boxesOf(matrix);
  const [down, across] = placeOf(grid, event.target);
  const next = grid[down + step[0]]?.[across + step[1]];
  if (!next) return;
  event.preventDefault();
  if (event.shiftKey) tick([next], event.target.checked);
  next.focus();
});

/* With Shift, everything between the last box and this one. */
let last = null;
document.addEventListener("click", (event) => {
  const matrix = event.target.closest?.("#matrix");
  if (!matrix || !event.target.matches(".tick")) return;
  const grid = boxesOf(matrix);
  const from = event.shiftKey && last?.isConnected ? placeOf(grid, last) : null;
  const to = placeOf(grid, event.target);
  last = event.target;
  if (!from || from[0] < 0 || from[1] !== to[1]) return;
  const [first, end] = [from[0], to[0]].sort((a, b) => a - b);
  tick(grid.slice(first, end + 1).map((row) => row[to[1]]), event.target.checked);
});

/* The matrix of roles: whole columns and rows at once, and arrow keys between the boxes. */
const boxesOf = (matrix) => [...matrix.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll(".tick")]);

function tick(boxes, on) {
  const changed = boxes.filter((box) => box.checked !== on);
  for (const box of changed) box.checked = on;
  if (changed.length) changed[0].dispatchEvent(new Event("change", { bubbles: true }));
}

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
  const down = grid.findIndex((row) => row.includes(event.target));
  const next = grid[down + step[0]]?.[grid[down].indexOf(event.target) + step[1]];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

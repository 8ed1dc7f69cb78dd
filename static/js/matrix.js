/* The boxes of the matrix of roles: rows are machines, columns are roles. */

export const boxesOf = (matrix) =>
  [...matrix.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll(".tick")]);

/** Row and column of a box; -1 for both when it is not in the grid. */
export function placeOf(grid, box) {
  const down = grid.findIndex((row) => row.includes(box));
  return down < 0 ? [-1, -1] : [down, grid[down].indexOf(box)];
}

/** Check or clear the boxes; the page gets one change event. */
export function tick(boxes, on) {
  const changed = boxes.filter((box) => box.checked !== on);
  for (const box of changed) box.checked = on;
  if (changed.length) changed[0].dispatchEvent(new Event("change", { bubbles: true }));
}

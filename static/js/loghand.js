/* Hands on a log: while lines come quickly, nothing else tells somebody's scrolling from the browser's own. */

const RECENT = 500;

/** Gives what says whether somebody touched `scroll` just now; `onBar` is told at once of whoever takes its scrollbar. */
export function hands(scroll, onBar) {
  let last = 0;
  for (const kind of ["pointerdown", "touchmove", "keydown"]) scroll.addEventListener(kind, () => { last = Date.now(); }, { passive: true });
  scroll.addEventListener("pointerdown", (event) => { if (event.offsetX > scroll.clientWidth) onBar(); });
  return () => Date.now() - last < RECENT;
}

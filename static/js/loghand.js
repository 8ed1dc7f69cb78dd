/* Hands on a log: while lines come quickly, nothing else tells somebody's scrolling from the browser's own. */

const RECENT = 500;
// Milliseconds for which lines that went may still make the browser scroll, once it has drawn what is left.
const SETTLED = 1000;

/** Gives what says whether somebody touched `scroll` just now; `onBar` is told at once of whoever takes its scrollbar. */
export function hands(scroll, onBar) {
  let last = 0;
  for (const kind of ["pointerdown", "touchmove", "keydown"]) scroll.addEventListener(kind, () => { last = Date.now(); }, { passive: true });
  scroll.addEventListener("pointerdown", (event) => { if (event.offsetX > scroll.clientWidth) onBar(); });
  return () => Date.now() - last < RECENT;
}

/** Gives `move()`, for whoever takes lines away, and `just()`: whether that may be why the log scrolls. */
export function ownMoves() {
  let undrawn = 0;
  let until = 0;
  return {
    move() {
      undrawn += 1;
      // A move of before the first frame is told of with the second; on a busy machine that may take seconds.
      requestAnimationFrame(() => requestAnimationFrame(() => {
        undrawn -= 1;
        until = Date.now() + SETTLED;
      }));
    },
    just: () => undrawn > 0 || Date.now() < until,
  };
}

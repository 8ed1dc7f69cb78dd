/* Hands on a log: while lines come quickly, nothing else tells somebody's scrolling from the browser's own. */

const RECENT = 500;
// For so many milliseconds after the browser has drawn, removed lines may still make it scroll.
const SETTLED = 1000;

/** Gives what says whether somebody touched `scroll` just now; `onBar` is told at once of whoever takes its scrollbar. */
export function hands(scroll, onBar) {
  let last = 0;
  for (const kind of ["pointerdown", "touchmove", "keydown"]) scroll.addEventListener(kind, () => { last = Date.now(); }, { passive: true });
  scroll.addEventListener("pointerdown", (event) => { if (event.offsetX > scroll.clientWidth) onBar(); });
  return () => Date.now() - last < RECENT;
}

/** Call `move()` when lines are removed; `just()` says whether that may be why the log scrolls. */
export function ownMoves() {
  let undrawn = 0;
  let until = 0;
  return {
    move() {
      undrawn += 1;
      // The browser reports the scrolling up to two frames later, which may take seconds on a busy machine.
      requestAnimationFrame(() => requestAnimationFrame(() => {
        undrawn -= 1;
        until = Date.now() + SETTLED;
      }));
    },
    just: () => undrawn > 0 || Date.now() < until,
  };
}

/* User input on a log: while lines arrive quickly, only input distinguishes the user's scrolling from the browser's. */

const RECENT = 500;
// Milliseconds after the browser has drawn during which removed lines may still make it scroll.
const SETTLED = 1000;

/** Returns a function: whether the user touched `scroll` just now. Calls `onBar` when the user grabs its scrollbar. */
export function hands(scroll, onBar) {
  let last = 0;
  for (const kind of ["pointerdown", "touchmove", "keydown"]) scroll.addEventListener(kind, () => { last = Date.now(); }, { passive: true });
  scroll.addEventListener("pointerdown", (event) => { if (event.offsetX > scroll.clientWidth) onBar(); });
  return () => Date.now() - last < RECENT;
}

/** Call `move()` when lines are removed; `just()` returns whether that may be why the log scrolls. */
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

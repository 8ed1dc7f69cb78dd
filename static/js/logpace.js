/* When new lines of a log are drawn: with the next frame, floods at intervals, by a timer while the page is hidden. */

// Milliseconds after which new lines are added to a page that the browser does not draw.
const HIDDEN = 500;
// Milliseconds between two drawings of a flood: drawing takes as long as receiving thousands of lines.
const FLOOD_PAUSE = 250;

/** Returns a function that accepts lines one by one; `draw(lines)` gets them together. A flood is more than `flood`. */
export function paced(draw, flood) {
  let came = [];
  let drawn = -FLOOD_PAUSE;
  let later = 0;

  function turn() {
    const pause = drawn + FLOOD_PAUSE - performance.now();
    if (came.length > flood && pause > 0) {
      later ||= setTimeout(() => { later = 0; turn(); }, pause);
      return;
    }
    const fresh = came;
    came = [];
    if (!fresh.length) return;
    drawn = performance.now();
    draw(fresh);
  }

  return (line) => {
    if (came.push(line) > 1) return;
    requestAnimationFrame(turn);
    setTimeout(turn, HIDDEN);
  };
}

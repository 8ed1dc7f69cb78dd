/* When new lines of a log are drawn: with the next frame, a flood now and then, and by the clock where nobody sees the page. */

// Milliseconds after which new lines are put on a page that the browser does not draw.
const HIDDEN = 500;
// Milliseconds between two drawings of a flood: to draw takes as long as to receive thousands of lines.
const FLOOD_PAUSE = 250;

/** Gives a function that takes lines one by one; `draw(lines)` gets them together. More than `flood` of them are one. */
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

/* When new lines are drawn: together with the next frame, and by the clock where nobody sees the page. */
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { paced } from "../../static/js/logpace.js";

let frames;
let clock;
let drawn;

const frame = () => { for (const draw of frames.splice(0)) draw(); };
const passes = (milliseconds) => { clock += milliseconds; mock.timers.tick(milliseconds); };

beforeEach(() => {
  frames = [];
  clock = 0;
  drawn = [];
  globalThis.requestAnimationFrame = (draw) => frames.push(draw);
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(performance, "now", () => clock);
});

test("lines of one frame are drawn together", () => {
  const line = paced((lines) => drawn.push(lines), 10);
  [1, 2, 3].forEach(line);
  frame();
  assert.deepEqual(drawn, [[1, 2, 3]]);
});

test("without a frame a timer draws them, once", () => {
  const line = paced((lines) => drawn.push(lines), 10);
  line(1);
  passes(500);
  frame();
  assert.deepEqual(drawn, [[1]]);
});

test("a flood waits after the last drawing and loses no line", () => {
  const line = paced((lines) => drawn.push(lines.length), 2);
  line(1);
  frame();
  [1, 2, 3].forEach(line);
  frame();
  assert.deepEqual(drawn, [1]);
  line(4);
  passes(250);
  assert.deepEqual(drawn, [1, 4]);
});

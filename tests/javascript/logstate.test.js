/* The state of a log: which lines are on the page, and what happens to those that arrive. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { KEPT, LogState } from "../../static/js/logstate.js";

const line = (number) => [number, 0, "node1", "os/names", "", `line ${number}`];
const from = (first, last) => Array.from({ length: last - first + 1 }, (_, place) => line(first + place));
const page = (lines, { older = false, newer = false, last = lines.length ? lines[lines.length - 1][0] : 0 } = {}) =>
  ({ lines, older, newer, last_line: last });
const numbers = (lines) => lines.map(([number]) => number);
const all = () => true;

function opened(answer) {
  const state = new LogState();
  state.begin();
  state.replace(answer);
  return state;
}

test("a page with the newest line is live up to the log's last line", () => {
  const state = opened(page(from(5, 9), { older: true, last: 12 }));
  assert.deepEqual([state.low, state.high, state.older, state.live], [5, 12, true, true]);
});

test("a page from the middle ends with the last of its lines", () => {
  const state = opened(page(from(5, 9), { older: true, newer: true, last: 40 }));
  assert.deepEqual([state.high, state.live], [9, false]);
});

test("arriving lines are added once, whatever the socket repeats", () => {
  const state = opened(page(from(1, 3)));
  assert.deepEqual(numbers(state.arrive(from(2, 5), all)), [4, 5]);
  assert.equal(state.newest, 5);
});

test("lines that arrive during a request wait for its end", () => {
  const state = new LogState();
  state.begin();
  assert.deepEqual(state.arrive(from(3, 4), all), []);
  assert.deepEqual(numbers(state.replace(page(from(1, 3)))), [3, 4]);
  assert.deepEqual(state.arrived(), [], "they are given once");
});

test("with a page from the middle, new matching lines are counted once each", () => {
  const state = opened(page(from(5, 9), { newer: true }));
  state.arrive(from(9, 12), ([number]) => number % 2 === 0);
  state.arrive(from(11, 14), ([number]) => number % 2 === 0);
  assert.equal(state.unseen, 3);
});

test("the next page makes it live again and resets the unseen lines", () => {
  const state = opened(page(from(5, 9), { newer: true }));
  state.arrive(from(10, 11), all);
  state.waiting = [];
  assert.deepEqual(state.append(page(from(10, 11), { last: 11 })), []);
  assert.deepEqual([state.live, state.high, state.unseen], [true, 11, 0]);
});

test("older lines move the beginning, an empty response does not", () => {
  const state = opened(page(from(5, 9), { older: true }));
  state.prepend(page(from(2, 4), { older: true }));
  assert.deepEqual([state.low, state.older], [2, true]);
  state.prepend(page([]));
  assert.deepEqual([state.low, state.older], [2, false]);
});

test("lines removed from the page count as older or newer", () => {
  const state = opened(page(from(1, 9)));
  state.cutBefore(4);
  state.cutAfter(7);
  assert.deepEqual([state.low, state.older, state.high, state.live], [4, true, 7, false]);
});

test("a new round makes responses to earlier requests late", () => {
  const state = new LogState();
  const first = state.begin();
  state.begin();
  assert.notEqual(first, state.round);
});

test("a following page is far behind when there are more new lines than it keeps", () => {
  const state = opened(page(from(1, 2)));
  state.following = true;
  state.newest = 2 + KEPT;
  assert.equal(state.isFarBehind, false);
  state.newest += 1;
  assert.equal(state.isFarBehind, true);
  state.following = false;
  assert.equal(state.isFarBehind, false);
});

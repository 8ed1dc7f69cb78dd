/* Colours of a log's lines: escape sequences become classes, and never markup. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { write } from "../../static/js/ansi.js";

globalThis.document = { createElement: () => ({}) };

/** The pieces of a line as [class, text]. */
function pieces(text) {
  const found = [];
  write({
    set textContent(plain) { found.push(["", plain]); },
    append: (piece) => found.push(typeof piece === "string" ? ["", piece] : [piece.className, piece.textContent]),
  }, text);
  return found;
}

test("a line without escape sequences is its text", () => {
  assert.deepEqual(pieces("<b>plain</b>"), [["", "<b>plain</b>"]]);
});

test("colors and weights become classes until they are reset", () => {
  assert.deepEqual(pieces("a\x1b[1;31mb\x1b[22mc\x1b[0md"), [
    ["", "a"], ["sgr-bold sgr-fg1", "b"], ["sgr-fg1", "c"], ["", "d"],
  ]);
});

test("bright colors use the classes of the normal colors", () => {
  assert.deepEqual(pieces("\x1b[92mok"), [["sgr-fg2", "ok"]]);
});

test("256-color and RGB codes are skipped with their numbers", () => {
  assert.deepEqual(pieces("\x1b[38;5;31mx\x1b[38;2;1;31;3my\x1b[39mz"), [["", "x"], ["", "y"], ["", "z"]]);
});

test("other sequences, titles and control characters are removed", () => {
  assert.deepEqual(pieces("\x1b]0;title\x07a\x1b[2Kb\x00\x08c"), [["", "abc"]]);
});

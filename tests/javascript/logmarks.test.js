/* The lines that an address names. */
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document = {
  documentElement: { lang: "en" },
  addEventListener() {},
  getElementById: () => null,
  querySelectorAll: () => [],
};
globalThis.MutationObserver = class { observe() {} };
const { rangeOf } = await import("../../static/js/logmarks.js");

test("an address names one line or a range, in either order", () => {
  assert.deepEqual(rangeOf("#L10"), [10, 10]);
  assert.deepEqual(rangeOf("#L10-L20"), [10, 20]);
  assert.deepEqual(rangeOf("#L20-L9"), [9, 20]);
});

test("any other address names no lines", () => {
  const others = ["", "#L", "#L1-", "#L1-L", "#l1", "#L1x", `#L${"9".repeat(16)}`];
  for (const hash of others) assert.equal(rangeOf(hash), null, hash);
});

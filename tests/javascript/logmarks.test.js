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
const { named } = await import("../../static/js/logmarks.js");

test("an address names one line or a range, in either order", () => {
  assert.deepEqual(named("#L10"), [10, 10]);
  assert.deepEqual(named("#L10-L20"), [10, 20]);
  assert.deepEqual(named("#L20-L9"), [9, 20]);
});

test("anything else names none", () => {
  const others = ["", "#L", "#L1-", "#L1-L", "#l1", "#L1x", `#L${"9".repeat(16)}`];
  for (const hash of others) assert.equal(named(hash), null, hash);
});

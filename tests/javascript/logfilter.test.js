/* What a log is filtered by, as far as the page itself judges. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Filter } from "../../static/js/logfilter.js";

function filtered(now) {
  const filter = new Filter({});
  filter.now = now;
  return filter;
}

const line = (host, step, stream, text) => [1, 0, host, step, stream, text];
const LINE = line("node1", "os/names", "err", "Permission denied");

test("a line matches when machine, step, stream and text match", () => {
  assert.ok(filtered({}).fits(LINE));
  assert.ok(filtered({ host: "node1", step: "os/names", stream: "err", search: "permission" }).fits(LINE));
  for (const other of [{ host: "node2" }, { step: "os/clock" }, { stream: "out" }, { search: "granted" }]) {
    assert.ok(!filtered(other).fits(LINE), JSON.stringify(other));
  }
});

test("hits are only highlighted when all lines are shown", () => {
  const filter = filtered({ search: "granted", all: "yes" });
  assert.ok(filter.fits(LINE));
  assert.equal(filter.hides, false);
  assert.equal(filtered({ search: "granted" }).hides, true);
});

test("regular expressions are left to the server", () => {
  const filter = filtered({ search: "a+", regex: "yes" });
  assert.ok(filter.byServer);
  assert.equal(filter.needle, "");
  assert.ok(!filtered({ search: "", regex: "yes" }).byServer);
});

test("the query that hides no line keeps the search only where all lines are shown", () => {
  assert.deepEqual(filtered({ host: "node1", search: "x" }).shown(), {});
  const marked = { all: "yes", search: "x", regex: "" };
  assert.deepEqual(filtered({ host: "node1", ...marked }).shown(), marked);
});

test("two filters are the same when every key is the same", () => {
  const filter = filtered({ host: "node1" });
  assert.ok(filter.same({ host: "node1", search: "" }));
  assert.ok(!filter.same({ host: "node1", search: "x" }));
});

/* Lines of a log: asked of the server until it answers, and taken out of the events of a socket. */
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Refused, isThere, lines, linesOfEvents } from "../../static/js/loglines.js";

let answers;
let asked;

const answer = (status, body, more = {}) =>
  ({ ok: status < 400, status, redirected: false, text: async () => body, json: async () => body, ...more });

beforeEach(() => {
  asked = [];
  globalThis.location = { href: "https://slipway.example/runs/1/" };
  globalThis.fetch = async (address) => {
    asked.push(String(address));
    const next = answers.shift();
    if (next instanceof Error) throw next;
    return next;
  };
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

/** Let a minute of pauses pass, then wait for `promise`. */
async function settled(promise) {
  for (let turn = 0; turn < 60; turn += 1) {
    mock.timers.tick(1000);
    await Promise.resolve(); // eslint-disable-line no-await-in-loop -- one turn after the other
  }
  return promise;
}

test("empty values of a query are left out of the address", async () => {
  answers = [answer(200, { lines: [] })];
  await lines("/log/", { host: "node 1", step: "", after: undefined, before: 0 });
  assert.deepEqual(asked, ["https://slipway.example/log/?host=node+1&before=0"]);
});

test("requests are repeated until the server responds", async () => {
  answers = [new TypeError("network"), answer(503, ""), answer(200, { lines: [[1]] })];
  assert.deepEqual(await settled(lines("/log/", {})), { lines: [[1]] });
  assert.equal(asked.length, 3);
});

test("a bad request is refused with the server's message", async () => {
  answers = [answer(400, "missing ) at position 3")];
  const refused = { name: "Error", message: "missing ) at position 3" };
  await assert.rejects(lines("/log/", {}), refused);
});

test("a page that redirects to the login is a refusal", async () => {
  answers = [answer(200, "<html>", { redirected: true })];
  await assert.rejects(lines("/log/", {}), Refused);
});

test("a line matches when it is the next one after its predecessor", async () => {
  const pages = [[[5]], [[6]], []].map((found) => answer(200, { lines: found }));
  const ways = [...pages, answer(400, "no")];
  const found = [];
  for (const way of ways) {
    answers = [way];
    found.push(await isThere("/log/", { host: "a" }, 5)); // eslint-disable-line no-await-in-loop
  }
  assert.deepEqual(found, [true, false, false, false]);
  assert.equal(asked[0], "https://slipway.example/log/?host=a&after=4&limit=1");
});

test("events become lines with their numbers, and with the log's names for streams", () => {
  const data = { lines: [[1.5, "stdout", "a"], [2, "note", "b"]] };
  const output = { kind: "output", first_line: 7, host: "node1", step: "os/names", data };
  assert.deepEqual(linesOfEvents([{ kind: "step", data: {} }, output]), [
    [7, 1.5, "node1", "os/names", "out", "a"],
    [8, 2, "node1", "os/names", "note", "b"],
  ]);
});

test("an event with more lines than it carries gives null", () => {
  assert.equal(linesOfEvents([{ kind: "output", first_line: 1, data: { count: 90_000 } }]), null);
});

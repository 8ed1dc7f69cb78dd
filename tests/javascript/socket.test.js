/* The connection to a run: order, gaps, the end, and what is tried again. */
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Follower } from "../../static/js/socket.js";

let sockets;
let calls;

class FakeSocket extends EventTarget {
  static OPEN = 1;
  static CLOSING = 2;

  constructor(address) {
    super();
    this.address = String(address);
    this.readyState = FakeSocket.OPEN;
    this.sent = [];
    sockets.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close(code = 1000) {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }

  brings(frame) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(frame) }));
  }
}

const events = (...seqs) => ({ type: "events", events: seqs.map((seq) => ({ seq })) });
const latest = () => sockets[sockets.length - 1];

function follower(seq = 0) {
  const one = new Follower("/ws/runs/1/", seq, {
    onEvents: (some) => calls.push(["events", ...some.map((event) => event.seq)]),
    onLive: (how) => calls.push(["live", how]),
    onEnd: (state) => calls.push(["end", state]),
  });
  one.open();
  latest().dispatchEvent(new Event("open"));
  return one;
}

beforeEach(() => {
  sockets = [];
  calls = [];
  globalThis.WebSocket = FakeSocket;
  globalThis.location = { href: "https://slipway.example/runs/1/" };
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

test("it requests the events after the page's last one", () => {
  follower(7);
  assert.equal(latest().address, "wss://slipway.example/ws/runs/1/");
  assert.deepEqual(latest().sent, [{ after: 7 }]);
});

test("events are passed on once and confirmed", () => {
  follower(2);
  latest().brings(events(2, 3, 4));
  latest().brings(events(4, 5));
  assert.deepEqual(calls.filter(([kind]) => kind === "events"), [["events", 3, 4], ["events", 5]]);
  assert.deepEqual(latest().sent.slice(1), [{ got: 4 }, { got: 5 }]);
});

test("after a gap it reconnects and requests the missing events", () => {
  follower(0);
  latest().brings(events(1, 3));
  assert.deepEqual(calls.slice(1), [["events", 1], ["live", "again"]]);
  mock.timers.tick(700);
  latest().dispatchEvent(new Event("open"));
  assert.equal(sockets.length, 2);
  assert.deepEqual(latest().sent, [{ after: 1 }]);
});

test("the end counts only when everything before it has arrived", () => {
  follower(0);
  latest().brings({ type: "end", last_seq: 1, state: "failed" });
  assert.deepEqual(calls, [["live", "live"]]);
  latest().brings(events(1));
  latest().brings({ type: "end", last_seq: 1, state: "failed" });
  assert.deepEqual(calls.slice(2), [["live", "over"], ["end", "failed"]]);
  mock.timers.tick(60_000);
  assert.equal(sockets.length, 1, "nothing is opened again");
});

test("pauses between connections grow, and a message resets them", () => {
  follower(0);
  for (let pause = 500; pause < 8000; pause *= 2) {
    const before = sockets.length;
    latest().close(1006);
    mock.timers.tick(pause * 0.74);
    assert.equal(sockets.length, before);
    mock.timers.tick(pause * 0.52);
    assert.equal(sockets.length, before + 1);
  }
  latest().brings(events(1));
  latest().close(1006);
  const before = sockets.length;
  mock.timers.tick(626);
  assert.equal(sockets.length, before + 1);
});

test("a refused login is retried once, then the page is signed out", () => {
  follower(0);
  latest().close(4401);
  assert.equal(sockets.length, 2);
  latest().close(4401);
  mock.timers.tick(60_000);
  assert.equal(sockets.length, 2);
  assert.deepEqual(calls[calls.length - 1], ["live", "out"]);
});

test("a run that the user may not see is gone at once", () => {
  follower(0);
  latest().close(4404);
  mock.timers.tick(60_000);
  assert.deepEqual([sockets.length, calls[calls.length - 1]], [1, ["live", "gone"]]);
});

test("when the network is back it reconnects without the pause", () => {
  const one = follower(0);
  one.hurry();
  assert.equal(sockets.length, 1, "a connection that is open stays");
  latest().close(1006);
  one.hurry();
  assert.equal(sockets.length, 2);
});

/* The events of a run over a WebSocket: reconnects with growing pauses, detects gaps, delivers no event twice. */

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15000;
// Close codes of the server after which reconnecting does not help: not signed in; no such run for this user.
// After all others (4400 not understood, 4503 no database, and those of the protocol) the socket reconnects.
const LOGGED_OUT = 4401;
const NO_SUCH_RUN = 4404;

/**
 * Follow the events after `seq`. Calls `onEvents(events)`, `onLive("live" | "again" | "over" | "out" | "gone")`, where
 * "out" is without a login and "gone" without the right to see the run, and `onEnd(state)`.
 */
export function follow(address, seq, listener) {
  const follower = new Follower(address, seq, listener);
  addEventListener("online", () => follower.hurry());
  follower.open();
}

/** One page's connection to a run; `follow` starts it. */
export class Follower {
  constructor(address, seq, { onEvents, onLive, onEnd }) {
    Object.assign(this, { address, last: seq, onEvents, onLive, onEnd });
    this.pause = FIRST_PAUSE;
    this.over = false;
    this.doubted = false; // whether a refused login was tried again
    this.timer = 0;
    this.socket = null;
  }

  open() {
    clearTimeout(this.timer);
    const socket = new WebSocket(new URL(this.address, location.href.replace(/^http/, "ws")));
    this.socket = socket;
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ after: this.last }));
      this.onLive("live");
    });
    socket.addEventListener("message", ({ data }) => {
      if (socket === this.socket) this.receive(JSON.parse(data));
    });
    socket.addEventListener("close", ({ code }) => {
      if (!this.over && socket === this.socket) this.closed(code);
    });
  }

  receive(frame) {
    this.pause = FIRST_PAUSE;
    this.doubted = false;
    if (frame.type === "events") {
      this.take(frame.events);
      const got = frame.events[frame.events.length - 1].seq;
      if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ got }));
    }
    if (frame.type === "end" && frame.last_seq <= this.last) {
      this.over = true;
      this.onLive("over");
      this.onEnd(frame.state);
      this.socket.close();
    }
  }

  /** Pass on new events; after a gap the connection is closed, and the next one delivers the missing events. */
  take(events) {
    const fresh = [];
    for (const event of events) {
      if (event.seq <= this.last) continue;
      if (event.seq !== this.last + 1) {
        if (fresh.length) this.onEvents(fresh);
        this.socket.close();
        return;
      }
      this.last = event.seq;
      fresh.push(event);
    }
    if (fresh.length) this.onEvents(fresh);
  }

  closed(code) {
    if (code === LOGGED_OUT && !this.doubted) {
      // Another tab may have signed in again, or changed the password: the browser has a new cookie then.
      this.doubted = true;
      this.open();
    } else if (code === LOGGED_OUT || code === NO_SUCH_RUN) {
      this.over = true;
      this.onLive(code === LOGGED_OUT ? "out" : "gone");
    } else {
      this.onLive("again");
      this.timer = setTimeout(() => this.open(), this.pause * (0.75 + Math.random() / 2));
      this.pause = Math.min(LONGEST_PAUSE, this.pause * 2);
    }
  }

  /** The network is back: do not wait for the end of the pause. */
  hurry() {
    if (this.over || !this.socket || this.socket.readyState < WebSocket.CLOSING) return;
    this.pause = FIRST_PAUSE;
    this.open();
  }
}

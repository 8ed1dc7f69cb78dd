/* The events of a run over a WebSocket: connected again with growing pauses, gaps noticed, none delivered twice. */

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15000;
// Close codes of the server after which coming again does not help: nobody is signed in; no such run for this person.
// After all others (4400 not understood, 4503 no database, and those of the protocol) the socket is opened again.
const LOGGED_OUT = 4401;
const NO_SUCH_RUN = 4404;

/**
 * Follow the events after `seq`. Calls `onEvents(events)`, `onLive("live" | "again" | "over" | "out" | "gone")`, where
 * "out" is without a login and "gone" without the right to see the run, and `onEnd(state)`.
 */
export function follow(address, seq, { onEvents, onLive, onEnd }) {
  let last = seq;
  let pause = FIRST_PAUSE;
  let over = false;
  let doubted = false;
  let timer = 0;
  let socket = null;

  function take(events) {
    const fresh = [];
    for (const event of events) {
      if (event.seq <= last) continue;
      if (event.seq !== last + 1) {
        if (fresh.length) onEvents(fresh);
        socket.close();
        return;
      }
      last = event.seq;
      fresh.push(event);
    }
    if (fresh.length) onEvents(fresh);
  }

  function open() {
    clearTimeout(timer);
    const mine = new WebSocket(new URL(address, location.href.replace(/^http/, "ws")));
    socket = mine;
    mine.addEventListener("open", () => {
      mine.send(JSON.stringify({ after: last }));
      onLive("live");
    });
    mine.addEventListener("message", ({ data }) => {
      if (mine !== socket) return;
      const frame = JSON.parse(data);
      pause = FIRST_PAUSE;
      doubted = false;
      if (frame.type === "events") {
        take(frame.events);
        if (mine.readyState === WebSocket.OPEN) mine.send(JSON.stringify({ got: frame.events[frame.events.length - 1].seq }));
      }
      if (frame.type === "end" && frame.last_seq <= last) {
        over = true;
        onLive("over");
        onEnd(frame.state);
        mine.close();
      }
    });
    mine.addEventListener("close", ({ code }) => {
      if (over || mine !== socket) return;
      if (code === LOGGED_OUT && !doubted) {
        // Another tab may have signed in again, or changed the password: the browser has a new cookie then.
        doubted = true;
        open();
        return;
      }
      if (code === LOGGED_OUT || code === NO_SUCH_RUN) {
        over = true;
        onLive(code === LOGGED_OUT ? "out" : "gone");
        return;
      }
      onLive("again");
      timer = setTimeout(open, pause * (0.75 + Math.random() / 2));
      pause = Math.min(LONGEST_PAUSE, pause * 2);
    });
  }

  addEventListener("online", () => {
    if (over || !socket || socket.readyState < WebSocket.CLOSING) return;
    pause = FIRST_PAUSE;
    open();
  });
  open();
}

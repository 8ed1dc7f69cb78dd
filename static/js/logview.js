/* The parts of a log besides its lines: counts, the pill for new lines, buttons; and scrolling and selecting. */
import { hands, ownMoves } from "./loghand.js";
import { KEYS } from "./logfilter.js";

// Pixels from an end of the log: within NEAR more lines are fetched, beyond AWAY the view has left the end.
const NEAR = 300;
const AWAY = 40;
const AT_END = 4;

const el = (id) => document.getElementById(id);
const counted = (n, one, many) => (n === 1 ? one : many.replace("%s", n.toLocaleString()));

/** The log in `box`, with the texts in its data attributes. */
export class LogView {
  constructor(box) {
    this.box = box;
    this.words = box.dataset;
    this.scroll = el("log-scroll");
    this.fields = Object.fromEntries(KEYS.map((key) => [key, el(`log-${key}`)]));
    this.own = ownMoves(); // removed lines make the browser scroll
    this.top = 0;
  }

  /** Show how many lines there are, how many are new, and whether the log follows the end. */
  draw(state, rows, filter) {
    const { words } = this;
    const some = rows.box.firstElementChild !== null;
    const more = state.older || !state.live ? "+" : "";
    hide("log-none", some);
    if (!some) put("log-none", state.error || (filter.hides ? words.noneFit : words.none));
    put("log-count", filter.hides && some ? counted(rows.count, words.one, words.many) + more : "");
    hide("log-pill", state.live && state.unseen === 0);
    put("log-pill-text", state.unseen ? counted(state.unseen, words.newOne, words.newMany) : words.toEnd);
    this.press(state.following);
  }

  press(following) {
    el("log-follow").setAttribute("aria-pressed", String(following));
  }

  toBottom() {
    this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  /** Lines above were removed: the browser moves the rest, even if the size stays the same. */
  moved() {
    this.own.move();
    this.toBottom();
  }

  busy(on) {
    if (on) this.box.setAttribute("aria-busy", "true");
    else this.box.removeAttribute("aria-busy");
  }

  fetching(on) {
    hide("log-older", !on);
  }

  invalid(on) {
    const { search } = this.fields;
    search.setAttribute("aria-invalid", String(on));
    search.classList.toggle("is-invalid", on);
  }

  intoView() {
    this.box.scrollIntoView({ block: "start" });
  }

  /** Buttons beside the log: Follow calls `follow()`, the pill calls `end()`. */
  listenToButtons(follow, end) {
    el("log-follow").addEventListener("click", follow);
    el("log-pill").addEventListener("click", end);
    el("log-tall").addEventListener("click", () => {
      const tall = this.box.classList.toggle("is-tall");
      el("log-tall").setAttribute("aria-pressed", String(tall));
      if (tall) this.intoView();
    });
  }

  /** The user scrolls: `leave()` the end, return to the `end()`, fetch lines `before` or `behind` those of the page. */
  listenToScrolling(state, { leave, end, before, behind }) {
    const { scroll } = this;
    const byHand = hands(scroll, leave);
    scroll.addEventListener("scroll", () => {
      const up = scroll.scrollTop < this.top;
      this.top = scroll.scrollTop;
      const rest = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
      const meant = byHand() || !this.own.just();
      if (state.following && up && rest > AWAY && meant) leave();
      else if (!state.following && !up && rest < AT_END && state.live && !location.hash.startsWith("#L")) end();
      if (state.following) return;
      if (scroll.scrollTop < NEAR) before();
      if (rest < NEAR && !state.live) behind();
    }, { passive: true });
    scroll.addEventListener("wheel", (event) => {
      if (event.deltaY > 0) return;
      if (scroll.scrollHeight > scroll.clientHeight) leave();
      if (scroll.scrollTop < NEAR) before();
    }, { passive: true });
  }

  /** Calls `leave()` when the user selects lines of `box`, because they must not move then. */
  listenToSelecting(box, leave) {
    document.addEventListener("selectionchange", () => {
      const chosen = getSelection();
      if (chosen && !chosen.isCollapsed && box.contains(chosen.anchorNode)) leave();
    });
  }

  /** Calls `changed()` when the size of the log or of its lines (in `box`) changes. */
  listenToSizes(box, changed) {
    const sizes = new ResizeObserver(changed);
    sizes.observe(this.scroll);
    sizes.observe(box);
  }
}

function put(id, text) {
  if (el(id).textContent !== text) el(id).textContent = text;
}

function hide(id, hidden) {
  if (el(id).hidden !== hidden) el(id).hidden = hidden;
}

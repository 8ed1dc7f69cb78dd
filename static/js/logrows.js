/* The lines of a log as elements, in blocks that the browser lays out only when they are visible. */
import { write } from "./ansi.js";

const BLOCK = 200;
const HUES = 10;
// Milliseconds, from the next frame on, for which a line that was jumped to stays visible while the browser measures
// the lines around it.
const HOLD_TIME = 500;
const CLOCK = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
let second = 0;
let clockText = "";
/** The time of day, cached because hundreds of lines arrive in one second. */
function clock(date) {
  const now = Math.floor(date / 1000);
  if (now !== second) {
    second = now;
    clockText = CLOCK.format(date);
  }
  return clockText;
}
const STREAMS = { err: "ln-err", note: "ln-note" };

function mark(node, needle) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (let text of texts) {
    let at = text.data.toLowerCase().indexOf(needle);
    while (at >= 0) {
      const hit = text.splitText(at);
      text = hit.splitText(Math.min(needle.length, hit.length));
      const box = document.createElement("mark");
      hit.replaceWith(box);
      box.append(hit);
      at = text.data.toLowerCase().indexOf(needle);
    }
  }
}

/** The line number of an element. */
export const numberOf = (line) => Number(line.id.slice(1));

/** Lines in `box`, scrolled by `scroll`; calls `onHost(name)` for each new machine. */
export class Rows {
  constructor(box, scroll, onHost) {
    this.box = box;
    this.scroll = scroll;
    this.onHost = onHost;
    this.hues = new Map();
    this.needle = "";
    this.marked = null;  // the first and the last line that are marked
    this.held = null;    // where the view has just been moved to
    this.hit = 0;        // the number of the line with the current search hit
    for (const kind of ["wheel", "touchmove", "keydown"]) scroll.addEventListener(kind, () => { this.held = null; }, { passive: true });
  }

  get count() {
    const blocks = this.box.childElementCount;
    return blocks ? (blocks - 1) * BLOCK + this.box.lastElementChild.childElementCount : 0;
  }

  hue(host) {
    if (!host) return "none";
    if (!this.hues.has(host)) {
      this.hues.set(host, this.hues.size % HUES);
      this.onHost(host);
    }
    return this.hues.get(host);
  }

  row([number, at, host, step, stream, text, found]) {
    const line = document.createElement("div");
    line.className = `ln ${STREAMS[stream] || ""}`;
    line.id = `L${number}`;
    line.title = step;
    const link = document.createElement("a");
    link.href = `#L${number}`;
    link.className = "ln-n";
    link.textContent = number;
    const date = new Date(at * 1000);
    const time = document.createElement("time");
    time.textContent = clock(date);
    time.dateTime = date.toISOString();
    const who = document.createElement("span");
    who.className = `ln-host hue-${this.hue(host)}`;
    who.textContent = host || "slipway";
    const output = document.createElement("span");
    output.className = "ln-text";
    write(output, text);
    for (const needle of found || [this.needle]) if (needle) mark(output, needle.toLowerCase());
    line.append(link, time, who, output);
    this.dress(line, number);
    return line;
  }

  /** Style a line that is marked, or that is the current hit. */
  dress(line, number = numberOf(line)) {
    const { marked, hit } = this;
    if (marked && number >= marked[0] && number <= marked[1]) line.classList.add("ln-marked");
    else line.classList.remove("ln-marked");
    if (hit === number) line.setAttribute("aria-current", "true");
    else line.removeAttribute("aria-current");
  }

  mark(range) {
    if (String(range) === String(this.marked)) return;
    this.marked = range;
    for (const line of this.box.querySelectorAll(".ln")) this.dress(line);
  }

  /** Make this line the current hit; it may not be on the page yet. */
  point(number) {
    const before = document.getElementById(`L${this.hit}`);
    const now = document.getElementById(`L${number}`);
    this.hit = number;
    for (const line of [before, now]) if (line) this.dress(line);
  }

  clear() {
    this.box.replaceChildren();
  }

  append(rows) {
    let block = this.box.lastElementChild;
    for (const one of rows) {
      if (!block || block.childElementCount >= BLOCK) {
        block = document.createElement("div");
        block.className = "log-block";
        this.box.append(block);
      }
      block.append(this.row(one));
      if (block.childElementCount >= BLOCK) block.classList.add("is-full");
    }
  }

  /** Insert older lines before the others without moving the visible ones. */
  prepend(rows) {
    if (!rows.length) return;
    const part = document.createDocumentFragment();
    for (let at = 0; at < rows.length; at += BLOCK) {
      const block = document.createElement("div");
      block.className = "log-block";
      block.append(...rows.slice(at, at + BLOCK).map((one) => this.row(one)));
      if (block.childElementCount >= BLOCK) block.classList.add("is-full");
      part.append(block);
    }
    const anchor = this.first();
    const before = anchor ? anchor.getBoundingClientRect().top : 0;
    this.box.prepend(part);
    if (anchor) this.scroll.scrollTop += anchor.getBoundingClientRect().top - before;
  }

  /** The line after or before another line. */
  beside(line, after) {
    if (after) return line.nextElementSibling || line.parentElement.nextElementSibling?.firstElementChild || null;
    return line.previousElementSibling || line.parentElement.previousElementSibling?.lastElementChild || null;
  }

  /** The lines between two numbers, as far as they are on the page. */
  between(first, last) {
    return [...this.box.querySelectorAll(".ln")].filter((line) => numberOf(line) >= first && numberOf(line) <= last);
  }

  /** The first and the last visible line. */
  inSight() {
    const { top, bottom } = this.scroll.getBoundingClientRect();
    const seen = [];
    for (const block of this.box.children) {
      const place = block.getBoundingClientRect();
      if (place.bottom <= top || place.top >= bottom) continue;
      for (const line of block.children) {
        const { top: over, bottom: under } = line.getBoundingClientRect();
        if (under > top + 1 && over < bottom - 1) seen.push(line);
      }
    }
    return [seen[0] || null, seen[seen.length - 1] || null];
  }

  /** The number of the line before the visible ones, or (not `forward`) after them. */
  edge(forward) {
    const [first, last] = this.inSight();
    if (!first) return forward ? 0 : "";
    return forward ? numberOf(first) - 1 : numberOf(last) + 1;
  }

  /** The position of the view: a line, and how far below the upper edge it begins. */
  spot() {
    const [line] = this.inSight();
    return line && { number: numberOf(line), under: line.getBoundingClientRect().top - this.scroll.getBoundingClientRect().top };
  }

  /** Move the view back there, or to the next line if that one is missing; other scrolling soon after is undone. */
  back(spot) {
    const held = { ...spot, until: Infinity };
    this.held = held;
    requestAnimationFrame(() => { held.until = Date.now() + HOLD_TIME; });
    this.hold();
  }

  /** Blocks get their real height only when they become visible. */
  hold() {
    if (!this.held || Date.now() > this.held.until) return;
    const { number, under } = this.held;
    const line = [...this.box.querySelectorAll(".ln")].find((one) => numberOf(one) >= number) || this.last();
    if (line) this.scroll.scrollTop += line.getBoundingClientRect().top - this.scroll.getBoundingClientRect().top - under;
  }

  /** Scroll a line to the middle of the view; returns its element, if it is on the page. */
  reveal(number) {
    const line = document.getElementById(`L${number}`);
    if (!line) return null;
    this.back({ number, under: Math.max(0, (this.scroll.clientHeight - line.offsetHeight) / 2) });
    // The middle of the log may be beyond the window's edge.
    line.scrollIntoView({ block: "nearest" });
    return line;
  }

  first() {
    return this.box.querySelector(".ln");
  }

  last() {
    return this.box.lastElementChild?.lastElementChild || null;
  }

  /** Drop whole blocks, oldest first, until at most `most` lines are left; returns whether any was dropped. */
  dropFirst(most) {
    let dropped = false;
    while (this.box.childElementCount > Math.ceil(most / BLOCK)) {
      this.box.firstElementChild.remove();
      dropped = true;
    }
    return dropped;
  }

  /** The same, newest first. */
  dropLast(most) {
    let dropped = false;
    while (this.box.childElementCount > Math.ceil(most / BLOCK)) {
      this.box.lastElementChild.remove();
      dropped = true;
    }
    return dropped;
  }

  /** The lines on the page, or those that are selected. */
  chosen() {
    const chosen = getSelection();
    const some = chosen && !chosen.isCollapsed && this.box.contains(chosen.anchorNode) && this.box.contains(chosen.focusNode);
    return [...this.box.querySelectorAll(".ln")].filter((line) => !some || chosen.containsNode(line, true));
  }

  /** Lines as text; `full` with time and machine. */
  static text(lines, full) {
    return lines.map((line) => {
      const output = line.lastElementChild.textContent;
      const [, time, who] = line.children;
      return full ? `${time.dateTime} ${who.textContent} ${output}` : output;
    }).join("\n") + (lines.length ? "\n" : "");
  }
}

/** Copy a text; where the page may not use the clipboard (plain HTTP), through a hidden field. */
export async function toClipboard(text) {
  if (navigator.clipboard && isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

/* The lines of a log as elements: blocks that the browser lays out only when they are in sight, and what is in them. */
import { write } from "./ansi.js";

const BLOCK = 200;
const HUES = 10;
// Milliseconds, from the next frame on, for which a line that was jumped to is kept in sight while the browser measures
// the lines around it.
const HELD = 500;
const CLOCK = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
let second = 0;
let shown = "";
/** The time of day; lines come by the hundred in a second. */
function clock(date) {
  const now = Math.floor(date / 1000);
  if (now !== second) {
    second = now;
    shown = CLOCK.format(date);
  }
  return shown;
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

/** The number of a line's element. */
export const numberOf = (line) => Number(line.id.slice(1));

/** Lines in `box`, scrolled by `scroll`; `onHost(name)` is told of machines that turn up. */
export class Rows {
  constructor(box, scroll, onHost) {
    this.box = box;
    this.scroll = scroll;
    this.onHost = onHost;
    this.hues = new Map();
    this.needle = "";
    this.marked = null;  // the first and the last line that are marked
    this.held = null;    // where the view has just been brought
    this.hit = 0;        // the number of the line that somebody came to in a search
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
    const said = document.createElement("span");
    said.className = "ln-text";
    write(said, text);
    for (const needle of found || [this.needle]) if (needle) mark(said, needle.toLowerCase());
    line.append(link, time, who, said);
    this.dress(line, number);
    return line;
  }

  /** How a line looks that is marked, or that a search came to. */
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

  /** A search came to this line, which may not be here yet. */
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

  /** Put older lines before the others without moving what is in sight. */
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

  /** The line after or before another one. */
  beside(line, after) {
    if (after) return line.nextElementSibling || line.parentElement.nextElementSibling?.firstElementChild || null;
    return line.previousElementSibling || line.parentElement.previousElementSibling?.lastElementChild || null;
  }

  /** The lines between two numbers, as far as they are here. */
  between(first, last) {
    return [...this.box.querySelectorAll(".ln")].filter((line) => numberOf(line) >= first && numberOf(line) <= last);
  }

  /** The first and the last line that are in sight. */
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

  /** The number of the line before what is in sight, or (not `forward`) after it. */
  edge(forward) {
    const [first, last] = this.inSight();
    if (!first) return forward ? 0 : "";
    return forward ? numberOf(first) - 1 : numberOf(last) + 1;
  }

  /** Where the view is: a line, and how far below the upper edge it begins. */
  spot() {
    const [line] = this.inSight();
    return line && { number: numberOf(line), under: line.getBoundingClientRect().top - this.scroll.getBoundingClientRect().top };
  }

  /** Bring the view there again, or to the line that follows where that one is not here; what else changes it soon is undone. */
  back(spot) {
    const held = { ...spot, until: Infinity };
    this.held = held;
    requestAnimationFrame(() => { held.until = Date.now() + HELD; });
    this.hold();
  }

  /** Blocks that come into sight get their real height only then. */
  hold() {
    if (!this.held || Date.now() > this.held.until) return;
    const { number, under } = this.held;
    const line = [...this.box.querySelectorAll(".ln")].find((one) => numberOf(one) >= number) || this.last();
    if (line) this.scroll.scrollTop += line.getBoundingClientRect().top - this.scroll.getBoundingClientRect().top - under;
  }

  /** Put a line into the middle of what is in sight; gives its element, if it is here. */
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

  /** Drop whole blocks, oldest first, until at most `kept` lines are left; says whether any was dropped. */
  dropFirst(kept) {
    let dropped = false;
    while (this.box.childElementCount > Math.ceil(kept / BLOCK)) {
      this.box.firstElementChild.remove();
      dropped = true;
    }
    return dropped;
  }

  /** The same, newest first. */
  dropLast(kept) {
    let dropped = false;
    while (this.box.childElementCount > Math.ceil(kept / BLOCK)) {
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
      const said = line.lastElementChild.textContent;
      const [, time, who] = line.children;
      return full ? `${time.dateTime} ${who.textContent} ${said}` : said;
    }).join("\n") + (lines.length ? "\n" : "");
  }
}

/** Copy a text; where the page may not use the clipboard (plain HTTP), by way of a field. */
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

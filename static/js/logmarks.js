/* Marked lines: selected with mouse or keys, stored in the address as #L10 or #L10-L20, and copied, loaded or not. */
import { announce } from "./announcing.js";
import { lines } from "./loglines.js";
import { Rows, numberOf, toClipboard } from "./logrows.js";

const NAMED = /^#L(\d{1,15})(?:-L(\d{1,15}))?$/;
// Lines in one request for a copy.
const PAGE = 5000;
// Milliseconds without a key after which the address is updated: browsers refuse addresses that change too often.
const REST = 200;

/** The first and the last line that an address names, or null. */
export function rangeOf(hash) {
  const found = NAMED.exec(hash);
  return found && [Number(found[1]), Number(found[2] || found[1])].sort((one, other) => one - other);
}

/** `head` is the menu entry that shows which lines are marked, `group` that entry and the buttons that belong to it. */
export class Marks {
  constructor(rows, words, group, head) {
    Object.assign(this, { rows, words, group, head });
    this.anchor = 0;  // where the marking started, and (`end`) where it ends
    this.end = 0;
    this.timer = 0;
    // Shift and a click would select text.
    rows.scroll.addEventListener("mousedown", (event) => { if (event.shiftKey && event.target.closest(".ln-n")) event.preventDefault(); });
  }

  get range() {
    return this.end ? [Math.min(this.anchor, this.end), Math.max(this.anchor, this.end)] : null;
  }

  /** Mark the lines named by the address; returns the first and the last of them. */
  take() {
    clearTimeout(this.timer);
    const range = rangeOf(location.hash);
    if (String(range) !== String(this.range)) [this.anchor, this.end] = range || [0, 0];
    this.show();
    return range;
  }

  /** Mark a line, or (`on`) all from the anchor to this one; `how` is the method that updates the address. */
  choose(number, on, how = "pushState") {
    if (!on || !this.end) this.anchor = number;
    this.end = number;
    this.show();
    const [first, last] = this.range;
    this.setAddress(how, first === last ? `#L${first}` : `#L${first}-L${last}`);
    announce(this.head.textContent);
  }

  clear() {
    this.anchor = 0;
    this.end = 0;
    this.show();
    this.setAddress("replaceState", location.pathname + location.search);
  }

  show() {
    const { range } = this;
    this.rows.mark(range);
    this.group.hidden = !range;
    if (!range) return;
    const [first, last] = range;
    const { markOne, markMany } = this.words;
    this.head.textContent = (first === last ? markOne : markMany).replace("%s", first).replace("%s", last);
  }

  setAddress(how, address) {
    clearTimeout(this.timer);
    if (how === "pushState") history.pushState(null, "", address);
    else this.timer = setTimeout(() => history.replaceState(null, "", address), REST);
  }

  /** Handle a key at a line number; returns whether it was handled. */
  key(event) {
    const at = event.target.closest(".ln-n")?.parentElement;
    if (event.key === "Escape" && this.end) this.clear();
    else if (at && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const next = this.rows.beside(at, event.key === "ArrowDown");
      if (!next) return true;
      next.firstElementChild.focus();
      if (event.shiftKey) {
        if (!this.end) this.anchor = numberOf(at);
        this.end = this.end || this.anchor;
        this.choose(numberOf(next), true, "replaceState");
      }
    } else return false;
    return true;
  }

  /** Copy the lines that a menu button stands for; `whole`: the page hides no line between two others. */
  async copy(button, whole) {
    const { copy, copyMarked } = button.dataset;
    const some = copyMarked ? await this.lines(whole) : this.rows.chosen();
    await toClipboard(Rows.text(some, (copyMarked || copy) === "full"));
    button.closest("details").open = false;
    announce(this.words.copied);
  }

  /** The marked lines as elements, from the page if it has all of them, else from the server. */
  async lines(whole) {
    const [first, last] = this.range;
    const here = whole ? this.rows.between(first, last) : [];
    if (here.length === last - first + 1) return here;
    const found = [];
    for (let after = first - 1, more = true; more && after < last;) {
      const page = await lines(this.words.url, { after, limit: Math.min(PAGE, last - after) });
      found.push(...page.lines.map((one) => this.rows.row(one)));
      after = found.length ? numberOf(found[found.length - 1]) : last;
      more = page.newer;
    }
    return found;
  }
}

/* Which lines of a log are on the page, and whether the page follows its end: the state, without a page. */

// Lines on the page while it follows, and at most; the others come back from the server when somebody scrolls.
export const KEPT = 10000;
export const MOST = 30000;
// Lines that are drawn with one frame while the page follows: a flood shows its end, and the rest is a scroll away.
export const FLOOD = 1000;

const numberOf = (line) => line[0];
const lastOf = (lines) => numberOf(lines[lines.length - 1]);

/** Lines are `[number, at, host, step, stream, text]`; a page of the server is `{lines, older, newer, last_line}`. */
export class LogState {
  constructor() {
    this.low = 1;         // every line that fits, from here ...
    this.high = 0;        // ... to here, is on the page
    this.older = false;   // whether there are lines before `low`
    this.live = false;    // whether `high` is the newest line, so that lines that arrive are put behind it
    this.newest = 0;      // the newest line that the socket has brought
    this.following = true;
    this.unseen = 0;      // lines that arrived below what is in sight
    this.waiting = null;  // lines that arrive while the server is asked for others
    this.error = "";      // what is wrong with the expression that is searched for
    this.round = 0;       // counts replacements of the lines, so that a late answer to an earlier question is dropped
    this.refused = -1;    // the round in which the server refused to answer
  }

  /** The lines will be replaced; gives the number of this round. */
  begin() {
    this.round += 1;
    this.waiting = [];
    return this.round;
  }

  /** A page of the server replaces the lines; gives the lines that arrived meanwhile. */
  replace(page) {
    this.low = page.lines.length ? numberOf(page.lines[0]) : 1;
    this.older = page.older;
    this.unseen = 0;
    this.following = false;
    this.reach(page);
    return this.arrived();
  }

  /** A page of the server goes before the lines. */
  prepend(page) {
    this.older = page.older;
    if (page.lines.length) this.low = numberOf(page.lines[0]);
  }

  /** A page of the server goes behind the lines; gives the lines that arrived meanwhile. */
  append(page) {
    this.reach(page);
    if (this.live) this.unseen = 0;
    return this.arrived();
  }

  /** The lines go up to the end of a page of the server. */
  reach(page) {
    this.live = !page.newer;
    this.high = this.live ? page.last_line : lastOf(page.lines);
  }

  arrived() {
    const lines = this.waiting || [];
    this.waiting = null;
    return lines;
  }

  /** Lines before this one have left the page. */
  cutBefore(number) {
    this.older = true;
    this.low = number;
  }

  /** Lines behind this one have left the page. */
  cutAfter(number) {
    this.live = false;
    this.high = number;
  }

  /** The socket brought lines; gives those that follow on the lines of the page. `fits` judges those it skips. */
  arrive(lines, fits) {
    let next = [];
    if (this.waiting) this.waiting = this.waiting.concat(lines);
    else if (this.live) next = this.newerThanPage(lines);
    else {
      const known = Math.max(this.newest, this.high);
      this.unseen += lines.filter((line) => numberOf(line) > known && fits(line)).length;
    }
    this.newest = Math.max(this.newest, lastOf(lines));
    return next;
  }

  /** Of some lines those that are newer than the lines of the page. */
  newerThanPage(lines) {
    return lines.filter((line) => numberOf(line) > this.high);
  }

  /** Whether more lines are new than a page that follows shows, so that its end is asked for instead. */
  get isFarBehind() {
    return this.following && this.newest - this.high > KEPT;
  }
}

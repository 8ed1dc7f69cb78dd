/* The state of a log, independent of the DOM: which lines are on the page, and whether the page follows the end. */

// Lines on the page while it follows the end (KEPT), and at most; others are fetched again when the user scrolls.
export const KEPT = 10000;
export const MOST = 30000;
// Lines drawn with one frame while the page follows: of a flood the end is shown, and the rest by scrolling.
export const FLOOD = 1000;

const numberOf = (line) => line[0];
const lastOf = (lines) => numberOf(lines[lines.length - 1]);

/** Lines are `[number, at, host, step, stream, text]`; a page from the server is `{lines, older, newer, last_line}`. */
export class LogState {
  constructor() {
    this.low = 1;         // every matching line, from here ...
    this.high = 0;        // ... to here, is on the page
    this.older = false;   // whether there are lines before `low`
    this.live = false;    // whether `high` is the newest line, so that arriving lines are appended to it
    this.newest = 0;      // the newest line received from the socket
    this.following = true;
    this.unseen = 0;      // lines that arrived below the visible ones
    this.waiting = null;  // lines that arrive while others are requested from the server
    this.error = "";      // the error in the search expression
    this.round = 0;       // counts replacements of the lines, so that a late response to an earlier request is dropped
    this.refused = -1;    // the round in which the server refused to answer
  }

  /** The lines will be replaced; returns the number of this round. */
  begin() {
    this.round += 1;
    this.waiting = [];
    return this.round;
  }

  /** A page from the server replaces the lines; returns the lines that arrived meanwhile. */
  replace(page) {
    this.low = page.lines.length ? numberOf(page.lines[0]) : 1;
    this.older = page.older;
    this.unseen = 0;
    this.following = false;
    this.reach(page);
    return this.arrived();
  }

  /** A page from the server is inserted before the lines. */
  prepend(page) {
    this.older = page.older;
    if (page.lines.length) this.low = numberOf(page.lines[0]);
  }

  /** A page from the server is appended to the lines; returns the lines that arrived meanwhile. */
  append(page) {
    this.reach(page);
    if (this.live) this.unseen = 0;
    return this.arrived();
  }

  /** The lines now end with a page from the server. */
  reach(page) {
    this.live = !page.newer;
    this.high = this.live ? page.last_line : lastOf(page.lines);
  }

  arrived() {
    const lines = this.waiting || [];
    this.waiting = null;
    return lines;
  }

  /** Lines before this one were removed from the page. */
  cutBefore(number) {
    this.older = true;
    this.low = number;
  }

  /** Lines after this one were removed from the page. */
  cutAfter(number) {
    this.live = false;
    this.high = number;
  }

  /** Lines arrived from the socket; returns those that follow the lines of the page. `fits` filters skipped ones. */
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

  /** The lines that are newer than those of the page. */
  newerThanPage(lines) {
    return lines.filter((line) => numberOf(line) > this.high);
  }

  /** Whether there are more new lines than a following page shows, so that its end is requested instead. */
  get isFarBehind() {
    return this.following && this.newest - this.high > KEPT;
  }
}

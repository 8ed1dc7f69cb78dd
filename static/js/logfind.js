/* Moving between hits in a log: the server finds the next one, loaded or not, and counts them if that is quick. */
import { announce } from "./announcing.js";
import { Refused, lines } from "./loglines.js";

// Milliseconds after which the hits among new lines are counted.
const COUNT_PAUSE = 1000;

const spelled = (number) => number.toLocaleString();
const filled = (text, ...values) => values.reduce((partial, value) => partial.replace("%s", value), text);

/**
 * `query()` returns the search and the filter; `from(forward)` returns, as soon as the log is open, the number of the
 * line at which the first search starts; `show(number)` shows a hit and returns its element. `words` has the texts, and
 * the addresses `url` and `hitsUrl`.
 */
export class Finder {
  constructor(words, bar, place, { query, from, show }) {
    Object.assign(this, { words, bar, place, query, from, show });
    this.about = "";
    this.forget();
  }

  /** Listen to Enter in the `field` and to two buttons; `typed()` applies the field's text to the search first. */
  listen(field, typed, next, previous) {
    next.addEventListener("click", () => this.step(true));
    previous.addEventListener("click", () => this.step(false));
    field.addEventListener("keydown", async (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      await typed();
      this.step(!event.shiftKey);
    });
  }

  forget() {
    this.number = 0;     // the line of the current hit
    this.nth = null;     // its position among the hits, if known
    this.count = null;   // the number of hits up to line `counted`; `whole`: the count is complete
    this.counted = 0;
    this.whole = false;
    this.busy = false;
    this.round = (this.round || 0) + 1;
  }

  /** The search may have changed. */
  changed() {
    const { search, all, ...rest } = this.query();
    const about = search ? JSON.stringify([search, rest]) : "";
    this.bar.hidden = !search;
    if (about !== this.about) {
      this.about = about;
      this.forget();
    }
    this.showCount();
    if (search && all && this.count === null) this.tally();
  }

  showCount() {
    const { words, count, nth, number, whole } = this;
    let text = "";
    if (count === 0 && whole) text = words.hitNone;
    else if (count !== null) {
      // The current hit may be newer than the count.
      const many = `${spelled(Math.max(count, nth))}${whole ? "" : "+"}`;
      if (number && nth) text = filled(words.hitOf, spelled(nth), many);
      else text = count === 1 && whole ? words.hitOne : filled(words.hits, many);
    }
    if (this.place.textContent !== text) this.place.textContent = text;
  }

  ask(more) {
    const { all: _all, ...query } = this.query();
    return lines(this.words.hitsUrl, { ...query, ...more });
  }

  /** Count the hits, and find the position of the current one. */
  async tally() {
    const { round, number } = this;
    const found = await this.ask({ line: number || "" }).catch(refused);
    if (!found || round !== this.round) return;
    if (number === this.number) this.nth = found.place;
    this.count = found.count;
    this.whole = found.all;
    this.counted = found.last_line;
    this.showCount();
  }

  /** New lines have arrived, up to this one. */
  grown(newest) {
    this.newest = newest;
    if (this.timer || !this.whole || newest <= this.counted) return;
    this.timer = setTimeout(async () => {
      const { round, counted } = this;
      const found = await this.ask({ after: counted }).catch(refused);
      this.timer = 0;
      if (!found || round !== this.round || counted !== this.counted) return;
      this.count += found.count;
      this.whole = found.all;
      this.counted = found.last_line;
      this.showCount();
      this.grown(this.newest);
    }, COUNT_PAUSE);
  }

  /** Go to the next or previous hit; after the last comes the first. */
  async step(forward) {
    if (this.busy || !this.about) return;
    this.busy = true;
    const { round } = this;
    try {
      await this.go(forward, round);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.place.textContent = error.message;
      announce(error.message);
    } finally {
      if (round === this.round) this.busy = false;
    }
  }

  async go(forward, round) {
    const next = async (start) => (await lines(this.words.url, { ...this.query(), all: "", ...start, limit: 1 })).lines[0];
    const start = this.number || await this.from(forward);
    const beside = await next(forward ? { after: start } : { before: start });
    const found = beside || await next(forward ? { after: 0 } : {});
    if (round !== this.round) return;
    if (!found) {
      this.count = 0;
      this.whole = true;
      this.showCount();
      announce(this.words.hitNone);
      return;
    }
    const known = beside && this.number && this.nth;
    this.nth = known ? this.nth + (forward ? 1 : -1) : null;
    if (!beside && forward) this.nth = 1;
    [this.number] = found;
    const line = await this.show(this.number);
    if (round !== this.round) return;
    if (this.count === null || (this.nth === null && this.whole)) await this.tally();
    this.showCount();
    announce([this.place.textContent, line?.lastElementChild.textContent].filter(Boolean).join(". "));
  }
}

function refused(error) {
  if (!(error instanceof Refused)) throw error;
  return null;
}

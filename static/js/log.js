/* The log of a run: the newest lines from the server, then live ones; filters, following, and a sliding window. */
import { Filter } from "./logfilter.js";
import { Finder } from "./logfind.js";
import { Refused, isThere, lines, linesOfEvents } from "./loglines.js";
import { Marks, rangeOf } from "./logmarks.js";
import { paced } from "./logpace.js";
import { Rows, numberOf } from "./logrows.js";
import { FLOOD, KEPT, LogState, MOST } from "./logstate.js";
import { LogView } from "./logview.js";

// Lines in one request to the server.
const PAGE = 1000;
// Milliseconds between two requests to the server about new lines that only it can filter.
const ASK_PAUSE = 500;

const el = (id) => document.getElementById(id);

/** Start the log in `box`; returns what the socket needs: `ready` (a promise of last_seq) and `take(events)`. */
export function startLog(box) {
  return new Log(box);
}

class Log {
  constructor(box) {
    this.words = box.dataset;
    this.state = new LogState();
    this.view = new LogView(box);
    this.filter = new Filter(this.view.fields);
    this.rows = new Rows(el("log-lines"), this.view.scroll, (host) => this.filter.put("host", host));
    this.marks = new Marks(this.rows, this.words, el("log-marked"), el("log-marked-head"));
    this.finder = new Finder(this.words, el("log-find"), el("log-place"), {
      query: () => this.filter.now,
      from: (forward) => this.ready.then(() => this.rows.edge(forward)),
      show: (number) => this.goToHit(number),
    });
    this.busy = false;   // whether lines before or after those of the page are being fetched
    this.asking = 0;     // the timer of the next request for new lines
    this.spot = null;    // where the view was, to return to after a reload
    this.changes = 0;    // counts changes of the filter
    this.came = paced((fresh) => this.arrive(fresh), FLOOD);
    for (const option of [...this.view.fields.host.options].slice(1)) this.rows.hue(option.value);
    this.listen();
    this.fill(this.filter.asked());
    this.ready = this.open();
  }

  async open() {
    const wanted = rangeOf(location.hash);
    const page = await this.reload(wanted && !this.filter.hides ? { around: wanted[0] } : {});
    this.state.newest = Math.max(this.state.newest, page.last_line);
    await this.goToHash();
    return page.last_seq;
  }

  draw() {
    this.view.draw(this.state, this.rows, this.filter);
  }

  // New lines

  /** Process events from the socket. */
  take(events) {
    const fresh = linesOfEvents(events);
    if (fresh) fresh.forEach(this.came);
    else this.reload();
  }

  /** Draw everything that arrived since the last frame together, so that many messages cost one layout. */
  arrive(fresh) {
    const { state, filter } = this;
    this.show(state.arrive(fresh, (line) => !filter.byServer && filter.fits(line)));
    if (!state.live) this.draw();
    this.finder.grown(state.newest);
  }

  /** Add lines that follow those of the page. */
  show(fresh) {
    const news = this.state.newerThanPage(fresh);
    if (!news.length) return;
    if (this.filter.byServer) {
      this.askSoon();
      return;
    }
    this.state.high = news[news.length - 1][0];
    this.add(news.filter((line) => this.filter.fits(line)));
  }

  askSoon() {
    const { state } = this;
    if (this.asking || state.error || state.refused === state.round) return;
    this.asking = setTimeout(() => this.askForNew(), ASK_PAUSE);
  }

  /** Ask the server which of the new lines match. */
  async askForNew() {
    const { state } = this;
    const mine = state.round;
    try {
      if (this.filter.all && state.isFarBehind) {
        await this.reload();
        return;
      }
      const page = await this.fetch({ after: state.high, limit: PAGE });
      if (mine !== state.round || !state.live) return;
      state.high = page.newer ? page.lines[page.lines.length - 1][0] : page.last_line;
      this.add(page.lines);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      state.refused = mine;
    } finally {
      this.asking = 0;
    }
    if (mine === state.round && state.newest > state.high) this.askSoon();
  }

  add(wanted) {
    if (!wanted.length) return;
    if (this.state.following) this.addAtEnd(wanted);
    else {
      this.rows.append(wanted);
      this.state.unseen += wanted.length;
      if (this.rows.count > MOST) this.state.live = false;
    }
    this.draw();
  }

  /** The view stays at the end once the layout is known: see `listenToSizes`. */
  addAtEnd(wanted) {
    const flood = wanted.length > FLOOD;
    if (flood) this.rows.clear();
    this.rows.append(wanted.slice(-FLOOD));
    if (!this.rows.dropFirst(KEPT) && !flood) return;
    this.state.cutBefore(numberOf(this.rows.first()));
    this.view.moved();
  }

  // Following the end

  follow(on) {
    const { state, rows } = this;
    if (on && !state.live) return this.reload();
    state.following = on;
    if (on) {
      state.unseen = 0;
      if (rows.dropFirst(KEPT)) state.cutBefore(numberOf(rows.first()));
      this.view.toBottom();
    }
    this.draw();
    return null;
  }

  leave() {
    if (this.state.following) this.follow(false);
  }

  // Lines from the server

  fetch(query) {
    return lines(this.words.url, { ...this.filter.now, ...query });
  }

  fits(number) {
    return isThere(this.words.url, this.filter.now, number);
  }

  /** Replace the lines by the results of the query; `atEnd` when they are the end of the log. */
  async replace(query, atEnd) {
    const { state, rows } = this;
    const mine = state.begin();
    this.view.busy(true);
    const page = await this.fetch(query);
    if (mine !== state.round) return page;
    rows.clear();
    rows.needle = this.filter.needle;
    rows.append(page.lines);
    const late = state.replace(page);
    this.view.busy(false);
    if (atEnd) this.follow(true);
    if (state.live) this.show(late);
    this.draw();
    return page;
  }

  /** Show the end of the matching lines, or another part; an invalid expression is reported and matches nothing. */
  async reload(query = {}) {
    const mine = this.state.round + 1;
    try {
      this.report("");
      return await this.replace({ ...query, limit: PAGE }, query.around === undefined);
    } catch (error) {
      if (!(error instanceof Refused) || !this.filter.byServer) throw error;
      if (mine === this.state.round) this.report(error.message);
      return { last_seq: Number(el("run-page").dataset.lastSeq), last_line: this.state.newest };
    }
  }

  report(error) {
    if (error) {
      this.rows.clear();
      this.state.arrived();
      this.view.busy(false);
    }
    this.state.error = error;
    this.view.invalid(Boolean(error));
    if (error) this.draw();
  }

  async loadOlder() {
    const { state, rows } = this;
    if (this.busy || !state.older || state.waiting || !rows.count) return;
    this.busy = true;
    const mine = state.round;
    this.view.fetching(true);
    try {
      const page = await this.fetch({ before: state.low, limit: PAGE });
      if (mine !== state.round) return;
      state.prepend(page);
      rows.prepend(page.lines);
      if (rows.dropLast(MOST)) state.cutAfter(numberOf(rows.last()));
      this.draw();
    } finally {
      this.busy = false;
      this.view.fetching(false);
    }
  }

  async loadNewer() {
    const { state, rows } = this;
    if (this.busy || state.live || state.waiting) return;
    this.busy = true;
    const mine = state.round;
    state.waiting = [];
    try {
      const page = await this.fetch({ after: state.high, limit: PAGE });
      if (mine !== state.round) return;
      rows.append(page.lines);
      const late = state.append(page);
      if (state.live) this.show(late);
      this.draw();
    } finally {
      this.busy = false;
      if (mine === state.round) state.waiting = null;
    }
  }

  // Places in the log

  async goToHit(number) {
    this.leave();
    this.rows.point(number);
    if (!el(`L${number}`)) await this.reload({ around: number });
    return this.rows.reveal(number);
  }

  /** Mark the lines named by the address, wherever they are in the log, and show the first of them. */
  async goToHash() {
    const wanted = this.marks.take();
    if (!wanted) return;
    const [number] = wanted;
    this.state.following = false;
    this.view.press(false);
    if (!el(`L${number}`)) {
      if (this.filter.hides && !(await this.fits(number))) this.setFilter(this.filter.shown(), { keep: true });
      await this.reload({ around: number });
    }
    this.showInTheMiddle(number);
  }

  showInTheMiddle(number) {
    el(`L${number}`)?.scrollIntoView({ block: "center" });
    if (!this.rows.reveal(number)) this.view.toBottom();
  }

  /** Mark a line, or all lines from the anchor to it; a search result is then shown among its neighbors. */
  async choose(number, on) {
    this.leave();
    this.marks.choose(number, on);
    if (!this.filter.hides) return;
    this.setFilter(this.filter.shown(), { keep: true });
    this.rows.clear();
    await this.goToHash();
  }

  // The filter

  /** Offer the machines and steps that the grid shows. */
  offer() {
    const heads = document.querySelectorAll(".grid-host[data-filter-host]");
    for (const head of heads) if (head.dataset.filterHost) this.rows.hue(head.dataset.filterHost);
    this.filter.offer();
  }

  fill(next) {
    this.offer();
    this.filter.fill(next);
    this.finder.changed();
    this.rows.point(this.finder.number);
  }

  async setFilter(next, { how = "push", keep = false } = {}) {
    const { filter, marks } = this;
    const { all } = filter;
    const mine = (this.changes += 1);
    this.fill(next);
    if (keep) {
      filter.remember("replace", true);
      return;
    }
    // Marked lines stay marked and visible if they match, unless the user has returned to the end since.
    const stays = Boolean(marks.range && !this.state.following && await this.fits(marks.range[0]));
    if (mine !== this.changes) return;
    filter.remember(how, stays);
    const range = marks.take();
    if (stays) {
      await this.reload({ around: range[0] });
      this.showInTheMiddle(range[0]);
    } else await this.stay(filter.all || all);
  }

  /** The view stays in place when hits are only highlighted, or when hidden lines are shown again. */
  async stay(among) {
    const { rows, finder } = this;
    this.spot = rows.spot() || this.spot;
    if (this.state.following || !this.spot || !among) {
      await this.reload();
      return;
    }
    const { spot } = this;
    await this.reload({ around: finder.number || spot.number });
    if (!rows.reveal(finder.number)) rows.back(spot);
  }

  // Input of the user

  listen() {
    const { view, filter } = this;
    const typed = filter.listen((next, how) => this.setFilter(next, how));
    this.finder.listen(view.fields.search, typed, el("log-next"), el("log-previous"));
    view.listenToButtons(() => this.follow(!this.state.following), () => this.follow(true));
    view.listenToScrolling(this.state, {
      leave: () => this.leave(),
      end: () => this.follow(true),
      before: () => this.loadOlder(),
      behind: () => this.loadNewer(),
    });
    view.listenToSelecting(this.rows.box, () => this.leave());
    view.listenToSizes(this.rows.box, () => {
      if (this.state.following) view.toBottom();
      else this.rows.hold();
    });
    view.scroll.addEventListener("keydown", (event) => this.key(event));
    addEventListener("hashchange", () => this.goToHash());
    addEventListener("popstate", () => this.goBack());
    document.addEventListener("htmx:afterSettle", () => this.offer());
    document.addEventListener("click", (event) => this.click(event));
  }

  key(event) {
    if (this.marks.key(event)) this.leave();
    else if (event.key === "End") this.follow(true);
    else if (event.key === "Home") this.goToStart();
    else return;
    event.preventDefault();
  }

  async goToStart() {
    await this.replace({ after: 0, limit: PAGE }, false);
    this.view.scroll.scrollTop = 0;
  }

  /** The browser has gone to another address of this page. */
  goBack() {
    const next = this.filter.asked();
    if (this.filter.same(next)) return;
    this.fill(next);
    this.rows.clear();
    if (this.marks.take()) this.goToHash();
    else this.reload();
  }

  async click(event) {
    const button = event.target.closest("[data-filter-step]");
    if (button) {
      const { filterHost: host, filterStep: step } = button.dataset;
      this.setFilter({ host, step, all: this.filter.now.all });
      this.view.intoView();
      return;
    }
    const link = event.target.closest(".ln-n");
    if (link && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      await this.choose(numberOf(link.parentElement), event.shiftKey);
      return;
    }
    const copy = event.target.closest("[data-copy], [data-copy-marked]");
    if (copy) this.marks.copy(copy, !this.filter.hides);
  }
}

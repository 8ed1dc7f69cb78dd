/* The log of a run: newest lines first from the server, then live ones; filters, following, a window that moves. */
import { hands, ownMoves } from "./loghand.js";
import { Filter, KEYS } from "./logfilter.js";
import { Finder } from "./logfind.js";
import { Refused, brought, isThere, lines } from "./loglines.js";
import { Marks, named } from "./logmarks.js";
import { paced } from "./logpace.js";
import { Rows, numberOf } from "./logrows.js";

const PAGE = 1000;
// Lines on the page while following, and at most; the others come back from the server when somebody scrolls.
const KEPT = 10000;
const MOST = 30000;
// Lines that are drawn with one frame while following: whoever follows a flood sees its end, and the rest is a scroll away.
const FLOOD = 1000;
// Milliseconds between two questions to the server about new lines that only it can judge.
const ASKED = 500;

const el = (id) => document.getElementById(id);
const count = (n, one, many) => (n === 1 ? one : many.replace("%s", n.toLocaleString()));

/** Start the log in `box`; gives what the socket needs: `ready` (a promise of last_seq) and `take(events)`. */
export function startLog(box) {
  const words = box.dataset;
  const scroll = el("log-scroll");
  const fields = Object.fromEntries(KEYS.map((key) => [key, el(`log-${key}`)]));
  const filter = new Filter(fields);
  const rows = new Rows(el("log-lines"), scroll, (host) => filter.put("host", host));
  for (const option of [...fields.host.options].slice(1)) rows.hue(option.value);

  let low = 1;         // every fitting line from here ...
  let high = 0;        // ... to here is on the page
  let older = false;   // whether there are lines before `low`
  let live = false;    // whether `high` is the newest line, so that what comes is put behind it
  let newest = 0;      // number of the newest line that the socket has told of
  let following = true;
  const own = ownMoves(); // lines went while following, by which the browser scrolls
  let unseen = 0;
  let waiting = null;  // live lines that came while the end of the log was fetched
  let said = "";       // what is wrong with the expression that is searched for
  let round = 0;       // counts what replaced the page, so that a late answer to something old is dropped
  let busy = false;
  let spot = null;     // where the view was, for what is shown in its place

  const marks = new Marks(rows, words, el("log-marked"), el("log-marked-head"));
  const finder = new Finder(words, el("log-find"), el("log-place"), {
    query: () => filter.now,
    from: (forward) => ready.then(() => rows.edge(forward)),
    async show(number) {
      stopFollowing();
      rows.point(number);
      if (!el(`L${number}`)) await reload({ around: number });
      return rows.reveal(number);
    },
  });

  const toBottom = () => { scroll.scrollTop = scroll.scrollHeight; };
  const put = (id, text) => { if (el(id).textContent !== text) el(id).textContent = text; };
  const hide = (id, hidden) => { if (el(id).hidden !== hidden) el(id).hidden = hidden; };
  function tell() {
    const some = rows.box.firstElementChild !== null;
    hide("log-none", some);
    if (!some) put("log-none", said || (filter.hides ? words.noneFit : words.none));
    put("log-count", filter.hides && some ? count(rows.count, words.one, words.many) + (older || !live ? "+" : "") : "");
    hide("log-pill", live && unseen === 0);
    put("log-pill-text", unseen ? count(unseen, words.newOne, words.newMany) : words.toEnd);
  }

  function setFollowing(on) {
    if (on && !live) return reload();
    following = on;
    el("log-follow").setAttribute("aria-pressed", String(on));
    if (on) {
      unseen = 0;
      if (rows.dropFirst(KEPT)) {
        older = true;
        low = numberOf(rows.first());
      }
      toBottom();
    }
    tell();
  }

  const stopFollowing = () => { if (following) setFollowing(false); };

  /** Take lines that follow on those of the page. */
  function show(fresh) {
    const news = fresh.filter((one) => one[0] > high);
    if (!news.length) return;
    if (filter.byServer) askSoon();
    else {
      high = news[news.length - 1][0];
      add(news.filter((one) => filter.fits(one)));
    }
  }

  let asking = 0, refusedIn = -1; // the timer, and the round in which the server refuses to answer
  const askSoon = () => { if (!asking && !said && refusedIn !== round) asking = setTimeout(askForNew, ASKED); };

  /** Have the server say which of the new lines fit. */
  async function askForNew() {
    const mine = round;
    try {
      if (filter.all && following && newest - high > KEPT) {
        await reload();
        return;
      }
      const page = await fetchLines({ after: high, limit: PAGE });
      if (mine !== round || !live) return;
      high = page.newer ? page.lines[page.lines.length - 1][0] : page.last_line;
      add(page.lines);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refusedIn = mine;
    } finally {
      asking = 0;
    }
    if (mine === round && newest > high) askSoon();
  }

  function add(wanted) {
    if (!wanted.length) return;
    if (following) {
      // The end is kept in sight when the layout is known, see below.
      if (wanted.length > FLOOD) rows.clear();
      rows.append(wanted.slice(-FLOOD));
      if (rows.dropFirst(KEPT) || wanted.length > FLOOD) {
        older = true;
        low = numberOf(rows.first());
        // The browser moves what is left, though the size may be the same as before.
        own.move();
        toBottom();
      }
    } else {
      rows.append(wanted);
      unseen += wanted.length;
      if (rows.count > MOST) live = false;
    }
    tell();
  }

  const fetchLines = (query) => lines(words.url, { ...filter.now, ...query });
  const fits = (number) => isThere(words.url, filter.now, number);

  /** Replace the page by what the query finds; `atEnd` when that is the end of the log. */
  async function replace(query, atEnd) {
    const mine = (round += 1);
    waiting = [];
    box.setAttribute("aria-busy", "true");
    const page = await fetchLines(query);
    if (mine !== round) return page;
    rows.clear();
    rows.needle = filter.needle;
    rows.append(page.lines);
    low = page.lines.length ? page.lines[0][0] : 1;
    older = page.older;
    live = !page.newer;
    high = live ? page.last_line : page.lines[page.lines.length - 1][0];
    const late = waiting;
    waiting = null;
    unseen = 0;
    following = false;
    box.removeAttribute("aria-busy");
    if (atEnd) setFollowing(true);
    if (live) show(late);
    el("log-follow").setAttribute("aria-pressed", String(following));
    tell();
    return page;
  }

  /** Show the end of what fits, or another part of it; an expression that is none is told of, and nothing fits it. */
  async function reload(query = {}) {
    const mine = round + 1;
    try {
      wrong("");
      return await replace({ ...query, limit: PAGE }, query.around === undefined);
    } catch (error) {
      if (!(error instanceof Refused) || !filter.byServer) throw error;
      if (mine === round) wrong(error.message);
      return { last_seq: Number(el("run-page").dataset.lastSeq), last_line: newest };
    }
  }

  function wrong(text) {
    if (text) {
      rows.clear();
      waiting = null;
      box.removeAttribute("aria-busy");
    }
    said = text;
    fields.search.setAttribute("aria-invalid", String(Boolean(text)));
    fields.search.classList.toggle("is-invalid", Boolean(text));
    if (text) tell();
  }

  async function loadOlder() {
    if (busy || !older || waiting || !rows.count) return;
    busy = true;
    const mine = round;
    el("log-older").hidden = false;
    try {
      const page = await fetchLines({ before: low, limit: PAGE });
      if (mine !== round) return;
      older = page.older;
      rows.prepend(page.lines);
      if (page.lines.length) low = page.lines[0][0];
      if (rows.dropLast(MOST)) {
        live = false;
        high = numberOf(rows.last());
      }
      tell();
    } finally {
      busy = false;
      el("log-older").hidden = true;
    }
  }

  async function loadNewer() {
    if (busy || live || waiting) return;
    busy = true;
    const mine = round;
    waiting = [];
    try {
      const page = await fetchLines({ after: high, limit: PAGE });
      if (mine !== round) return;
      rows.append(page.lines);
      live = !page.newer;
      high = live ? page.last_line : page.lines[page.lines.length - 1][0];
      if (live) unseen = 0;
      const late = waiting;
      waiting = null;
      if (live) show(late);
      tell();
    } finally {
      busy = false;
      if (mine === round) waiting = null;
    }
  }

  /** Mark the lines that the address names, wherever in the log they are, and show the first of them. */
  async function goToHash() {
    const wanted = marks.take();
    if (!wanted) return;
    const [number] = wanted;
    following = false;
    el("log-follow").setAttribute("aria-pressed", "false");
    if (!el(`L${number}`)) {
      if (filter.hides && !(await fits(number))) setFilter(filter.shown(), { keep: true });
      await reload({ around: number });
    }
    showInTheMiddle(number);
  }

  function showInTheMiddle(number) {
    el(`L${number}`)?.scrollIntoView({ block: "center" });
    if (!rows.reveal(number)) toBottom();
  }

  /** Mark a line, or all between it and the one before; what was found is shown among its neighbours. */
  async function choose(number, on) {
    stopFollowing();
    marks.choose(number, on);
    if (!filter.hides) return;
    setFilter(filter.shown(), { keep: true });
    rows.clear();
    await goToHash();
  }

  /** Offer the machines and steps that the grid shows. */
  function offer() {
    for (const head of document.querySelectorAll(".grid-host[data-filter-host]")) if (head.dataset.filterHost) rows.hue(head.dataset.filterHost);
    filter.offer();
  }

  function fill(next) {
    offer();
    filter.fill(next);
    finder.changed();
    rows.point(finder.number);
  }

  let changes = 0;
  async function setFilter(next, { how = "push", keep = false } = {}) {
    const { all } = filter;
    const mine = (changes += 1);
    fill(next);
    if (keep) return filter.remember("replace", true);
    // Marked lines stay marked and in sight where they fit, unless somebody has gone back to the end since.
    const stays = Boolean(marks.range && !following && await fits(marks.range[0]));
    if (mine !== changes) return;
    filter.remember(how, stays);
    const range = marks.take();
    if (stays) return reload({ around: range[0] }).then(() => showInTheMiddle(range[0]));
    spot = rows.spot() || spot;
    // Whoever reads somewhere stays there when what is searched is only marked, or comes to be shown among the others.
    if (following || !spot || !(filter.all || all)) return reload();
    await reload({ around: finder.number || spot.number });
    if (!rows.reveal(finder.number)) rows.back(spot);
  }

  finder.listen(fields.search, filter.listen(setFilter), el("log-next"), el("log-previous"));
  el("log-follow").addEventListener("click", () => setFollowing(!following));
  el("log-tall").addEventListener("click", () => {
    const tall = box.classList.toggle("is-tall");
    el("log-tall").setAttribute("aria-pressed", String(tall));
    if (tall) box.scrollIntoView({ block: "start" });
  });
  el("log-pill").addEventListener("click", () => setFollowing(true));
  let top = 0;
  const byHand = hands(scroll, stopFollowing);
  scroll.addEventListener("scroll", () => {
    const up = scroll.scrollTop < top;
    top = scroll.scrollTop;
    const rest = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
    const meant = byHand() || !own.just();
    if (following && up && rest > 40 && meant) setFollowing(false);
    else if (!following && !up && rest < 4 && live && !location.hash.startsWith("#L")) setFollowing(true);
    if (following) return;
    if (scroll.scrollTop < 300) loadOlder();
    if (rest < 300 && !live) loadNewer();
  }, { passive: true });
  scroll.addEventListener("wheel", (event) => {
    if (event.deltaY > 0) return;
    if (scroll.scrollHeight > scroll.clientHeight && following) setFollowing(false);
    if (scroll.scrollTop < 300) loadOlder();
  }, { passive: true });
  scroll.addEventListener("keydown", (event) => {
    if (marks.key(event)) stopFollowing();
    else if (event.key === "End") setFollowing(true);
    else if (event.key === "Home") replace({ after: 0, limit: PAGE }, false).then(() => { scroll.scrollTop = 0; });
    else return;
    event.preventDefault();
  });
  document.addEventListener("selectionchange", () => {
    const chosen = getSelection();
    if (following && chosen && !chosen.isCollapsed && rows.box.contains(chosen.anchorNode)) setFollowing(false);
  });
  const sizes = new ResizeObserver(() => {
    if (following) toBottom();
    else rows.hold();
  });
  sizes.observe(scroll);
  sizes.observe(rows.box);
  addEventListener("hashchange", goToHash);
  addEventListener("popstate", () => {
    const next = filter.asked();
    if (filter.same(next)) return;
    fill(next);
    rows.clear();
    if (marks.take()) goToHash();
    else reload();
  });
  document.addEventListener("htmx:afterSettle", offer);
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-filter-step]");
    if (button) {
      setFilter({ host: button.dataset.filterHost, step: button.dataset.filterStep, all: filter.now.all });
      box.scrollIntoView({ block: "start" });
      return;
    }
    const link = event.target.closest(".ln-n");
    if (link && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      await choose(numberOf(link.parentElement), event.shiftKey);
      return;
    }
    const copy = event.target.closest("[data-copy], [data-copy-marked]");
    if (copy) marks.copy(copy, !filter.hides);
  });

  fill(filter.asked());
  const ready = (async () => {
    const wanted = named(location.hash);
    const page = await reload(wanted && !filter.hides ? { around: wanted[0] } : {});
    newest = Math.max(newest, page.last_line);
    await goToHash();
    return page.last_seq;
  })();

  /** Draw what came since the last frame together, so that many messages cost one layout. */
  const came = paced((fresh) => {
    if (waiting) waiting = waiting.concat(fresh);
    else if (live) show(fresh);
    else if (!filter.byServer) unseen += fresh.filter((one) => one[0] > Math.max(newest, high) && filter.fits(one)).length;
    newest = Math.max(newest, fresh[fresh.length - 1][0]);
    if (!live) tell();
    finder.grown(newest);
  }, FLOOD);

  return {
    ready,
    take(events) {
      const fresh = brought(events);
      if (fresh) fresh.forEach(came);
      else reload();
    },
  };
}

/* The log of a run: newest lines first from the server, then live ones; filters, following, a window that moves. */
import { announce } from "./app.js";
import { hands } from "./loghand.js";
import { Refused, lines, remember } from "./loglines.js";
import { paced } from "./logpace.js";
import { Rows, numberOf, toClipboard } from "./logrows.js";

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
  const fields = { host: el("log-host"), step: el("log-step"), stream: el("log-stream"), search: el("log-search"), regex: el("log-regex") };
  const rows = new Rows(el("log-lines"), scroll, (host) => {
    if (![...fields.host.options].some((option) => option.value === host)) fields.host.add(new Option(host, host));
  });
  for (const option of [...fields.host.options].slice(1)) rows.hue(option.value);

  let filter = {};
  let low = 1;         // every fitting line from here ...
  let high = 0;        // ... to here is on the page
  let older = false;   // whether there are lines before `low`
  let live = false;    // whether `high` is the newest line, so that what comes is put behind it
  let newest = 0;      // number of the newest line that the socket has told of
  let following = true;
  let moved = 0;       // when lines went while following, by which the browser scrolls
  let unseen = 0;
  let waiting = null;  // live lines that came while the end of the log was fetched
  let said = "";       // what is wrong with the expression that is searched for
  let round = 0;       // counts what replaced the page, so that a late answer to something old is dropped
  let busy = false;

  const filtered = () => Object.entries(filter).some(([key, value]) => value && key !== "regex");
  // Regular expressions are the server's business: it gives none of them more than some seconds.
  const byServer = () => Boolean(filter.regex && filter.search);
  const fits = ([, , host, step, stream, text]) =>
    (!filter.host || host === filter.host) && (!filter.step || step === filter.step) &&
    (!filter.stream || stream === filter.stream) &&
    (!filter.search || text.toLowerCase().includes(rows.needle));

  const toBottom = () => { scroll.scrollTop = scroll.scrollHeight; };
  const put = (id, text) => { if (el(id).textContent !== text) el(id).textContent = text; };
  const hide = (id, hidden) => { if (el(id).hidden !== hidden) el(id).hidden = hidden; };
  function tell() {
    const some = rows.box.firstElementChild !== null;
    hide("log-none", some);
    if (!some) put("log-none", said || (filtered() ? words.noneFit : words.none));
    put("log-count", filtered() && some ? count(rows.count, words.one, words.many) + (older || !live ? "+" : "") : "");
    hide("log-pill", live && unseen === 0);
    put("log-pill-text", unseen ? count(unseen, words.newOne, words.newMany) : words.toEnd);
  }

  function setFollowing(on) {
    if (on && !live) {
      reload();
      return;
    }
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

  /** Take lines that follow on those of the page. */
  function show(fresh) {
    const news = fresh.filter((one) => one[0] > high);
    if (!news.length) return;
    if (byServer()) askSoon();
    else {
      high = news[news.length - 1][0];
      add(news.filter(fits));
    }
  }

  let asking = 0;
  const askSoon = () => { if (!asking && !said) asking = setTimeout(askForNew, ASKED); };

  /** Have the server say which of the new lines fit. */
  async function askForNew() {
    const mine = round;
    try {
      const page = await fetchLines({ after: high, limit: PAGE });
      if (mine !== round || !live) return;
      high = page.newer ? page.lines[page.lines.length - 1][0] : page.last_line;
      add(page.lines);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
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
        moved = Date.now();
        toBottom();
      }
    } else {
      rows.append(wanted);
      unseen += wanted.length;
      if (rows.count > MOST) live = false;
    }
    tell();
  }

  const fetchLines = (query) => lines(words.url, { ...filter, ...query });

  /** Replace the page by what the query finds; `atEnd` when that is the end of the log. */
  async function replace(query, atEnd) {
    const mine = (round += 1);
    waiting = [];
    box.setAttribute("aria-busy", "true");
    const page = await fetchLines(query);
    if (mine !== round) return page;
    rows.clear();
    rows.needle = byServer() ? "" : (filter.search || "").toLowerCase();
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

  /** Show the end of what fits; an expression that is none is told of, and nothing fits it. */
  async function reload() {
    const mine = round + 1;
    try {
      wrong("");
      return await replace({ limit: PAGE }, true);
    } catch (error) {
      if (!(error instanceof Refused) || !byServer()) throw error;
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

  /** Show the line that the address names, wherever in the log it is. */
  async function goToHash() {
    const wanted = /^#L(\d+)$/.exec(location.hash);
    if (!wanted) return false;
    const number = Number(wanted[1]);
    following = false;
    el("log-follow").setAttribute("aria-pressed", "false");
    if (!el(`L${number}`)) {
      if (filtered()) setFilter({}, { keep: true });
      await replace({ around: number, limit: PAGE }, false);
    }
    for (const marked of rows.box.querySelectorAll(".ln-marked")) marked.classList.remove("ln-marked");
    const line = el(`L${number}`);
    if (!line) return false;
    line.classList.add("ln-marked");
    line.scrollIntoView({ block: "center" });
    return true;
  }

  /** Offer the machines and steps that the grid shows; the plan may come after the page. */
  function offer() {
    for (const head of document.querySelectorAll(".grid-host[data-filter-host]")) if (head.dataset.filterHost) rows.hue(head.dataset.filterHost);
    const known = new Set([...fields.step.options].map((option) => option.value));
    for (const line of document.querySelectorAll("#run-grid tr[data-key]:not(.grid-phase)")) {
      if (!known.has(line.dataset.key)) fields.step.add(new Option(line.firstElementChild.textContent, line.dataset.key));
    }
  }

  function fill(next) {
    offer();
    filter = Object.fromEntries(Object.keys(fields).map((key) => [key, next[key] || ""]));
    for (const [key, field] of Object.entries(fields)) {
      if (filter[key] && field.options && ![...field.options].some((option) => option.value === filter[key])) field.add(new Option(filter[key], filter[key]));
      if (field.value !== filter[key]) field.value = filter[key];
    }
    fields.regex.setAttribute("aria-pressed", String(Boolean(filter.regex)));
  }

  function setFilter(next, { how = "push", keep = false } = {}) {
    fill(next);
    remember(Object.keys(fields), filter, keep ? "hash" : how);
    return keep ? null : reload();
  }

  const typed = () => Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, field.value.trim()]));
  const asked = () => Object.fromEntries([...new URLSearchParams(location.search)].filter(([key]) => key in fields));

  let timer = 0;
  for (const field of [fields.host, fields.step, fields.stream]) field.addEventListener("change", () => setFilter(typed()));
  fields.search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => setFilter(typed(), { how: "replace" }), 250);
  });
  fields.regex.addEventListener("click", () => setFilter({ ...typed(), regex: filter.regex ? "" : "yes" }));
  el("log-follow").addEventListener("click", () => setFollowing(!following));
  el("log-tall").addEventListener("click", () => {
    const tall = box.classList.toggle("is-tall");
    el("log-tall").setAttribute("aria-pressed", String(tall));
    if (tall) box.scrollIntoView({ block: "start" });
  });
  el("log-pill").addEventListener("click", () => setFollowing(true));
  let top = 0;
  const byHand = hands(scroll, () => { if (following) setFollowing(false); });
  scroll.addEventListener("scroll", () => {
    const up = scroll.scrollTop < top;
    top = scroll.scrollTop;
    const rest = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
    const meant = byHand() || Date.now() - moved > 1000;
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
    if (event.key === "End") setFollowing(true);
    else if (event.key === "Home") replace({ after: 0, limit: PAGE }, false).then(() => { scroll.scrollTop = 0; });
    else return;
    event.preventDefault();
  });
  document.addEventListener("selectionchange", () => {
    const chosen = getSelection();
    if (following && chosen && !chosen.isCollapsed && rows.box.contains(chosen.anchorNode)) setFollowing(false);
  });
  const sizes = new ResizeObserver(() => { if (following) toBottom(); });
  sizes.observe(scroll);
  sizes.observe(rows.box);
  addEventListener("hashchange", goToHash);
  addEventListener("popstate", () => {
    const next = asked();
    if (Object.keys(fields).every((key) => (next[key] || "") === (filter[key] || ""))) return;
    fill(next);
    reload();
  });
  document.addEventListener("htmx:afterSettle", offer);
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-filter-step]");
    if (button) {
      setFilter({ host: button.dataset.filterHost, step: button.dataset.filterStep });
      box.scrollIntoView({ block: "start" });
      return;
    }
    const link = event.target.closest(".ln-n");
    if (link && filtered()) {
      // What was found is shown among its neighbours.
      event.preventDefault();
      history.pushState(null, "", link.hash);
      setFilter({}, { keep: true });
      rows.clear();
      await goToHash();
      return;
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      await toClipboard(rows.text(copy.dataset.copy === "full"));
      copy.closest("details").open = false;
      announce(words.copied);
    }
  });

  fill(asked());
  const ready = (async () => {
    const wanted = /^#L(\d+)$/.test(location.hash) && !filtered();
    const page = wanted ? await replace({ around: location.hash.slice(2), limit: PAGE }, false) : await reload();
    newest = Math.max(newest, page.last_line);
    if (location.hash) await goToHash();
    return page.last_seq;
  })();

  /** Draw what came since the last frame together, so that many messages cost one layout. */
  const came = paced((fresh) => {
    if (waiting) waiting = waiting.concat(fresh);
    else if (live) show(fresh);
    else if (!byServer()) unseen += fresh.filter((one) => one[0] > Math.max(newest, high) && fits(one)).length;
    newest = Math.max(newest, fresh[fresh.length - 1][0]);
    if (!live) tell();
  }, FLOOD);

  return {
    ready,
    take(events) {
      for (const event of events) {
        if (event.kind !== "output") continue;
        if (!event.data.lines) {
          reload();
          return;
        }
        event.data.lines.forEach(([at, stream, text], place) => {
          came([event.first_line + place, at, event.host, event.step, stream, text]);
        });
      }
    },
  };
}

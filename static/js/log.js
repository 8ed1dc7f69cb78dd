/* The log of a run: newest lines first from the server, then live ones; filters, following, older lines on demand. */
import { write } from "./ansi.js";

const BLOCK = 200;
const PAGE = 1000;
const BIG_PAGE = 5000;
// Lines kept on the page while following; older ones come back from the server when somebody scrolls up.
const KEPT = 20000;
const HUES = 10;
const CLOCK = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const STREAMS = { err: "ln-err", note: "ln-note" };

const el = (id) => document.getElementById(id);

/** Start the log in `box`; gives what the socket needs: `ready` (a promise of last_seq) and `take(events)`. */
export function startLog(box) {
  const scroll = el("log-scroll");
  const lines = el("log-lines");
  const hues = new Map([...el("log-host").options].slice(1).map((option, at) => [option.value, at % HUES]));
  const fields = { host: el("log-host"), step: el("log-step"), stream: el("log-stream"), search: el("log-search") };
  let filter = {};
  let newest = 0;      // number of the newest line of the run that was looked at
  let oldest = Infinity; // number of the oldest line on the page
  let more = false;    // whether older lines may be had
  let following = true;
  let unseen = 0;
  let waiting = null;  // live lines that came while a page of the log is fetched
  let round = 0;       // counts filters, so that a late answer to an old one is dropped
  let older = false;

  const row = ([number, at, host, step, stream, text]) => {
    const line = document.createElement("div");
    line.className = `ln ${STREAMS[stream] || ""}`;
    line.id = `L${number}`;
    line.title = step;
    const link = document.createElement("a");
    link.href = `#L${number}`;
    link.className = "ln-n";
    link.textContent = number;
    const time = document.createElement("time");
    time.textContent = CLOCK.format(at * 1000);
    const date = new Date(at * 1000);
    time.dateTime = date.toISOString();
    const who = document.createElement("span");
    who.className = `ln-host hue-${hueOf(host)}`;
    who.textContent = host || "slipway";
    const said = document.createElement("span");
    said.className = "ln-text";
    write(said, text);
    line.append(link, time, who, said);
    return line;
  };

  function hueOf(host) {
    if (!host) return "none";
    if (!hues.has(host)) {
      hues.set(host, hues.size % HUES);
      fields.host.add(new Option(host, host));
    }
    return hues.get(host);
  }

  function newBlock() {
    const block = document.createElement("div");
    block.className = "log-block";
    return block;
  }

  function append(rows) {
    let block = lines.lastElementChild;
    for (const one of rows) {
      if (!block || block.childElementCount >= BLOCK) {
        block = newBlock();
        lines.append(block);
      }
      block.append(row(one));
      block.classList.toggle("is-full", block.childElementCount >= BLOCK);
    }
    if (rows.length) oldest = Math.min(oldest, rows[0][0]);
    el("log-none").hidden = lines.childElementCount > 0;
  }

  function prepend(rows) {
    if (!rows.length) return;
    const part = document.createDocumentFragment();
    for (let at = 0; at < rows.length; at += BLOCK) {
      const block = newBlock();
      block.append(...rows.slice(at, at + BLOCK).map(row));
      block.classList.toggle("is-full", block.childElementCount >= BLOCK);
      part.append(block);
    }
    const anchor = lines.querySelector(".ln");
    const before = anchor ? anchor.getBoundingClientRect().top : 0;
    lines.prepend(part);
    oldest = rows[0][0];
    if (anchor) scroll.scrollTop += anchor.getBoundingClientRect().top - before;
  }

  function trim() {
    while (following && lines.childElementCount > KEPT / BLOCK) {
      lines.firstElementChild.remove();
      oldest = Number(lines.querySelector(".ln").id.slice(1));
      more = true;
    }
  }

  const fits = ([, , host, step, stream, text]) =>
    (!filter.host || host === filter.host) && (!filter.step || step === filter.step) &&
    (!filter.stream || stream === filter.stream) &&
    (!filter.search || text.toLowerCase().includes(filter.search.toLowerCase()));

  function toBottom() {
    scroll.scrollTop = scroll.scrollHeight;
  }

  function setFollowing(on) {
    following = on;
    el("log-follow").setAttribute("aria-pressed", String(on));
    if (on) {
      unseen = 0;
      el("log-pill").hidden = true;
      trim();
      toBottom();
    }
  }

  function show(rows) {
    const fresh = rows.filter((one) => one[0] > newest);
    if (!fresh.length) return;
    newest = fresh[fresh.length - 1][0];
    const wanted = fresh.filter(fits);
    if (!wanted.length) return;
    append(wanted);
    if (following) {
      trim();
      toBottom();
    } else {
      unseen += wanted.length;
      el("log-pill-text").textContent = unseen === 1 ? "1 new line" : `${unseen} new lines`;
      el("log-pill").hidden = false;
    }
  }

  async function fetchLines(query) {
    const address = new URL(box.dataset.url, location.href);
    for (const [key, value] of Object.entries({ ...filter, ...query })) if (value) address.searchParams.set(key, value);
    for (let pause = 500; ; pause = Math.min(8000, pause * 2)) {
      try {
        const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
        if (answer.ok && !answer.redirected) return await answer.json();
        if (answer.redirected || (answer.status >= 400 && answer.status < 500)) throw new TypeError(`refused: ${answer.status}`);
      } catch (error) {
        if (String(error.message).startsWith("refused")) throw error;
      }
      await new Promise((done) => { setTimeout(done, pause); });
    }
  }

  /** Read the newest lines that fit the filter, and then whatever came in the meantime. */
  async function reload() {
    const mine = (round += 1);
    waiting = waiting || [];
    const page = await fetchLines({ limit: PAGE });
    if (mine !== round) return page.last_seq;
    lines.replaceChildren();
    oldest = Infinity;
    append(page.lines);
    newest = page.last_line;
    more = page.more;
    const late = waiting;
    waiting = null;
    el("log-none").textContent = Object.values(filter).some(Boolean) ? "No line fits these filters." : "Nothing has been printed yet.";
    el("log-none").hidden = lines.childElementCount > 0;
    setFollowing(true);
    show(late);
    return page.last_seq;
  }

  async function loadOlder(limit = PAGE) {
    if (older || !more || waiting || oldest === Infinity) return;
    older = true;
    const mine = round;
    el("log-older").hidden = false;
    try {
      const page = await fetchLines({ before: oldest, limit });
      if (mine !== round) return;
      more = page.more;
      prepend(page.lines);
    } finally {
      older = false;
      el("log-older").hidden = true;
    }
  }

  /** Show the line that the address names, loading as far back as it takes. */
  async function goToHash() {
    const wanted = /^#L(\d+)$/.exec(location.hash);
    if (!wanted) return;
    const number = Number(wanted[1]);
    setFollowing(false);
    while (number < oldest && more && !older) await loadOlder(BIG_PAGE);
    for (const marked of lines.querySelectorAll(".ln-marked")) marked.classList.remove("ln-marked");
    const line = el(`L${number}`);
    if (!line) return;
    line.classList.add("ln-marked");
    line.scrollIntoView({ block: "center" });
  }

  /** Offer the machines and steps that the grid shows; the plan may come after the page. */
  function offer() {
    for (const head of document.querySelectorAll(".grid-host[data-filter-host]")) hueOf(head.dataset.filterHost);
    const known = new Set([...fields.step.options].map((option) => option.value));
    for (const line of document.querySelectorAll("#run-grid tr[data-key]")) {
      if (!known.has(line.dataset.key)) fields.step.add(new Option(line.firstElementChild.textContent, line.dataset.key));
    }
  }

  function setFilter(next) {
    offer();
    filter = { ...next };
    for (const [key, field] of Object.entries(fields)) {
      if (field.value !== (filter[key] || "")) field.value = filter[key] || "";
    }
    reload();
  }

  const typed = () => Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, field.value.trim()]));
  let timer = 0;
  for (const field of [fields.host, fields.step, fields.stream]) field.addEventListener("change", () => setFilter(typed()));
  fields.search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => setFilter(typed()), 250);
  });
  el("log-follow").addEventListener("click", () => setFollowing(!following));
  el("log-pill").addEventListener("click", () => setFollowing(true));
  let top = 0;
  scroll.addEventListener("scroll", () => {
    const up = scroll.scrollTop < top;
    top = scroll.scrollTop;
    const rest = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
    if (following && up && rest > 40) setFollowing(false);
    else if (!following && !up && rest < 4) setFollowing(true);
    if (scroll.scrollTop < 300 && !following) loadOlder();
  }, { passive: true });
  scroll.addEventListener("wheel", (event) => {
    if (event.deltaY < 0 && scroll.scrollHeight > scroll.clientHeight) setFollowing(false);
    if (event.deltaY < 0 && scroll.scrollTop < 300) loadOlder();
  }, { passive: true });
  const sizes = new ResizeObserver(() => { if (following) toBottom(); });
  sizes.observe(scroll);
  sizes.observe(lines);
  addEventListener("hashchange", goToHash);
  document.addEventListener("htmx:afterSettle", offer);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-filter-host]");
    if (!button) return;
    setFilter({ host: button.dataset.filterHost, step: button.dataset.filterStep });
    box.scrollIntoView({ block: "start" });
  });

  const ready = reload().then((seq) => { goToHash(); return seq; });
  return {
    ready,
    take(events) {
      const rows = [];
      for (const event of events) {
        if (event.kind !== "output") continue;
        if (!event.data.lines) {
          reload();
          return;
        }
        event.data.lines.forEach(([at, stream, text], place) => {
          rows.push([event.first_line + place, at, event.host, event.step, stream, text]);
        });
      }
      if (!rows.length) return;
      if (waiting) waiting.push(...rows);
      else if (rows[0][0] > newest + 1) reload();
      else show(rows);
    },
  };
}

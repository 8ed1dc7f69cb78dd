/* Announcements for screen readers: important changes at once, growing counts at intervals. */

// Milliseconds between two announcements of the same count.
const COUNT_PAUSE = 10000;

/** Announce a text to screen readers. */
export function announce(text) {
  const place = document.getElementById("announce");
  if (place) place.textContent = text;
}

const known = new Map(); // name -> { text, state, at, timer }
const watched = new WeakSet();

/* `data-announce` names the count of an element. A change of its `data-announce-state` is announced at once. */
function announceCount(node, silent = false) {
  const name = node.dataset.announce;
  const state = node.dataset.announceState ?? "";
  const text = node.textContent.replace(/\s+/g, " ").trim();
  const last = known.get(name) ?? { text: "", state: null, at: -COUNT_PAUSE, timer: 0 };
  known.set(name, last);
  if (silent) {
    Object.assign(last, { state, text, at: Date.now() });
    return;
  }
  if (text === last.text && state === last.state) return;
  const rest = state === last.state ? last.at + COUNT_PAUSE - Date.now() : 0;
  if (rest > 0) {
    last.timer ||= setTimeout(() => {
      last.timer = 0;
      const now = document.querySelector(`[data-announce="${name}"]`);
      if (now) announceCount(now);
    }, rest);
    return;
  }
  clearTimeout(last.timer);
  Object.assign(last, { text, state, at: Date.now(), timer: 0 });
  if (text) announce(text);
}

const changes = new MutationObserver((records) => {
  const nodes = records.map(({ target }) => (target.nodeType === 1 ? target : target.parentElement)?.closest("[data-announce]"));
  for (const node of new Set(nodes)) if (node) announceCount(node);
});

/** Watch the counts on the page. What the page shows when it opens is not announced: it is read with the page. */
function watchCounts(opening = false) {
  for (const node of document.querySelectorAll("[data-announce]")) {
    if (watched.has(node)) continue;
    watched.add(node);
    announceCount(node, opening);
    changes.observe(node, { subtree: true, childList: true, characterData: true, attributeFilter: ["data-announce-state"] });
  }
}

document.addEventListener("htmx:afterSettle", () => watchCounts());
watchCounts(true);

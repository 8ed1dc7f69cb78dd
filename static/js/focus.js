/* When a response removes the focused element, the focus moves to the next control nearby, or to its heading. */
const FOCUSABLE = "button:not(:disabled), input:not([type=hidden]):not(:disabled), a[href], summary, select, textarea";

let at = null; // the ancestors of the focused element, innermost first

document.addEventListener("htmx:beforeSwap", () => {
  const { activeElement } = document;
  at = null;
  if (!activeElement || activeElement === document.body) return;
  const around = [];
  for (let node = activeElement.parentElement; node && node.id !== "main"; node = node.parentElement) around.push(node);
  at = { around };
});

/** Whether the focus was lost with the element that had it. */
const isLost = () => document.activeElement === document.body || document.activeElement === null;

function goNear({ around }) {
  for (const node of around) {
    if (!node.isConnected || !node.matches("li, section, form, table, div[id]")) continue;
    const next = node.querySelector(FOCUSABLE) ?? node.querySelector("h1, h2, h3, h4");
    if (!next || !next.getClientRects().length) continue;
    if (!next.matches(FOCUSABLE)) next.tabIndex = -1;
    next.focus({ preventScroll: true });
    return;
  }
}

for (const kind of ["htmx:afterSettle", "htmx:oobAfterSwap"]) {
  document.addEventListener(kind, () => {
    if (at && isLost()) goNear(at);
  });
}

/* The htmx swap "calm": changes only what differs, so that focus, scroll positions, open details and spinners stay. */

const keyOf = (node) => (node.nodeType === 1 ? node.id || node.dataset.key || "" : "");

const alike = (old, fresh) =>
  old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);

/* A checkbox that the user has changed follows the attribute only when the attribute changes. */
function copyAttributes(old, fresh) {
  const ticked = old.hasAttribute("checked");
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name === "open" && old.localName === "details") continue;
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (ticked !== fresh.hasAttribute("checked")) old.checked = !ticked;
}

function update(old, fresh, added) {
  if (old.nodeType !== 1) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (old.isEqualNode(fresh)) return;
  copyAttributes(old, fresh);
  morph(old, fresh, added);
}

/** Make the children of `target` equal those of `source`; new elements are appended to `added`. */
export function morph(target, source, added) {
  const keyed = new Map([...target.children].filter(keyOf).map((node) => [keyOf(node), node]));
  let at = target.firstChild;
  for (const fresh of [...source.childNodes]) {
    const known = keyed.get(keyOf(fresh));
    if (known && known !== at && alike(known, fresh)) target.insertBefore(known, at);
    const old = known && alike(known, fresh) ? known : at;
    if (old && alike(old, fresh)) {
      update(old, fresh, added);
      at = old.nextSibling;
    } else {
      target.insertBefore(fresh, at);
      if (fresh.nodeType === 1) added.push(fresh);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

htmx.defineExtension("calm", {
  isInlineSwap: () => false,
  handleSwap(style, target, fragment) {
    if (style !== "calm") return false;
    const added = [];
    morph(target, fragment, added);
    return added;
  },
});

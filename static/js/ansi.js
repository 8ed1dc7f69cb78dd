/* ANSI colors as spans with classes; everything else in the line is text, never markup. */

// eslint-disable-next-line no-control-regex -- escape sequences begin with one
const SGR = /\x1b\[([0-9;:]*)m/g;
// eslint-disable-next-line no-control-regex -- control characters are what is removed here
const OTHER = /\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]|[\x00-\x08\x0b-\x1f\x7f]/g;

function applied(style, codes) {
  const next = new Set(style);
  const drop = (test) => { for (const name of next) if (test.test(name)) next.delete(name); };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    if (code === 0) next.clear();
    else if (code === 1) next.add("sgr-bold");
    else if (code === 2) next.add("sgr-dim");
    else if (code === 3) next.add("sgr-italic");
    else if (code === 4) next.add("sgr-under");
    else if (code === 22) drop(/bold|dim/);
    else if (code === 23) drop(/italic/);
    else if (code === 24) drop(/under/);
    else if (code === 39) drop(/fg/);
    else if (code === 38 || code === 48) at += codes[at + 1] === 2 ? 4 : 2;
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
      drop(/fg/);
      next.add(`sgr-fg${code % 10}`);
    }
  }
  return next;
}

/** Write a line's text into `node`, in the colors of its escape sequences. */
export function write(node, text) {
  if (!text.includes("\x1b")) {
    node.textContent = text.replace(OTHER, "");
    return;
  }
  let style = new Set();
  let from = 0;
  const put = (piece) => {
    const plain = piece.replace(OTHER, "");
    if (!plain) return;
    if (!style.size) {
      node.append(plain);
      return;
    }
    const span = document.createElement("span");
    span.className = [...style].join(" ");
    span.textContent = plain;
    node.append(span);
  };
  for (const match of text.matchAll(SGR)) {
    put(text.slice(from, match.index));
    style = applied(style, match[1].split(/[;:]/).map(Number));
    from = match.index + match[0].length;
  }
  put(text.slice(from));
}

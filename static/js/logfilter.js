/* What a log is filtered by: the fields above it, and the same in the page's address. */

export const KEYS = ["host", "step", "stream", "search", "regex", "all"];
// What those say that are buttons.
const YES = "yes";
// Milliseconds without a key after which what was typed is searched for.
const TYPING = 250;

/** `fields` has an element for each key; `now` is what they say. */
export class Filter {
  constructor(fields) {
    this.fields = fields;
    this.now = {};
  }

  /** Whether there may be lines that do not fit and are not shown. */
  get hides() {
    const { host, step, stream } = this.now;
    return Boolean(host || step || stream || (this.now.search && !this.all));
  }

  /** Whether what is searched is only marked, among all the other lines. */
  get all() {
    return this.now.all === YES;
  }

  /** Regular expressions are the server's business: it gives none of them more than some seconds. */
  get byServer() {
    return Boolean(this.now.regex && this.now.search);
  }

  /** The text that the page itself looks for. */
  get needle() {
    return this.byServer ? "" : (this.now.search || "").toLowerCase();
  }

  /** Whether a line is to be shown, as far as the page can judge. */
  fits([, , host, step, stream, text]) {
    const { now } = this;
    return (!now.host || host === now.host) && (!now.step || step === now.step) && (!now.stream || stream === now.stream) &&
      (this.all || !now.search || text.toLowerCase().includes(this.needle));
  }

  /** `set(wanted, how)` is called for what somebody chooses and types; gives a function that waits for neither. */
  listen(set) {
    const { search, regex, all, ...choices } = this.fields;
    let timer = 0;
    const now = () => {
      clearTimeout(timer);
      return this.same(this.typed()) ? null : set(this.typed(), { how: "replace" });
    };
    for (const field of Object.values(choices)) field.addEventListener("change", () => set(this.typed()));
    regex.addEventListener("click", () => set(this.pressed("regex")));
    all.addEventListener("click", () => set(this.pressed("all")));
    search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(now, TYPING);
    });
    return now;
  }

  typed() {
    return Object.fromEntries(KEYS.map((key) => [key, this.fields[key].value.trim()]));
  }

  asked() {
    return Object.fromEntries([...new URLSearchParams(location.search)].filter(([key]) => KEYS.includes(key)));
  }

  /** What is asked for with this button pressed. */
  pressed(key) {
    return { ...this.typed(), [key]: this.now[key] ? "" : YES };
  }

  /** What is left when all lines shall be shown: with them, what is only marked. */
  shown() {
    return this.all ? { all: this.now.all, search: this.now.search, regex: this.now.regex } : {};
  }

  /** Offer a value where one chooses. */
  put(key, value, text = value) {
    const { options } = this.fields[key];
    if (value && options && ![...options].some((option) => option.value === value)) this.fields[key].add(new Option(text, value));
  }

  /** Offer the steps that the grid shows; the plan may come after the page. */
  offer() {
    for (const line of document.querySelectorAll("#run-grid tr[data-key]:not(.grid-phase)")) {
      this.put("step", line.dataset.key, line.firstElementChild.textContent);
    }
  }

  same(next) {
    return KEYS.every((key) => (next[key] || "") === (this.now[key] || ""));
  }

  fill(next) {
    this.now = Object.fromEntries(KEYS.map((key) => [key, next[key] || ""]));
    for (const key of KEYS) {
      this.put(key, this.now[key]);
      if (this.fields[key].value !== this.now[key]) this.fields[key].value = this.now[key];
    }
    this.fields.regex.setAttribute("aria-pressed", String(Boolean(this.now.regex)));
    this.fields.all.setAttribute("aria-pressed", String(!this.all));
  }

  /** Put it into the page's address: as a step back, or (`how`) in the place of what is there; with its line, or not. */
  remember(how, line) {
    const address = new URL(location.href);
    for (const key of KEYS) {
      if (this.now[key]) address.searchParams.set(key, this.now[key]);
      else address.searchParams.delete(key);
    }
    if (!line) address.hash = "";
    if (address.href !== location.href) history[how === "push" ? "pushState" : "replaceState"](null, "", address);
  }
}

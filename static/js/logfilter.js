/* The filter of a log: the fields above it, and the same values in the page's address. */

export const KEYS = ["host", "step", "stream", "search", "regex", "all"];
// The value of a pressed button.
const YES = "yes";
// Milliseconds without a keystroke after which the search starts.
const TYPING = 250;

/** `fields` has an element for each key; `now` has their values. */
export class Filter {
  constructor(fields) {
    this.fields = fields;
    this.now = {};
  }

  /** Whether lines that do not match may be hidden. */
  get hides() {
    const { host, step, stream } = this.now;
    return Boolean(host || step || stream || (this.now.search && !this.all));
  }

  /** Whether hits are only highlighted, among all other lines. */
  get all() {
    return this.now.all === YES;
  }

  /** Only the server evaluates regular expressions: it limits each of them to some seconds. */
  get byServer() {
    return Boolean(this.now.regex && this.now.search);
  }

  /** The text that the page itself searches for. */
  get needle() {
    return this.byServer ? "" : (this.now.search || "").toLowerCase();
  }

  /** Whether to show a line, as far as the page can decide without the server. */
  fits([, , host, step, stream, text]) {
    const { now } = this;
    return (!now.host || host === now.host) && (!now.step || step === now.step) && (!now.stream || stream === now.stream) &&
      (this.all || !now.search || text.toLowerCase().includes(this.needle));
  }

  /** Calls `set(wanted, how)` for what the user chooses and types; returns a function that applies input at once. */
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

  /** The query with this button pressed. */
  pressed(key) {
    return { ...this.typed(), [key]: this.now[key] ? "" : YES };
  }

  /** The query that hides no line; it keeps a search whose hits are only highlighted. */
  shown() {
    return this.all ? { all: this.now.all, search: this.now.search, regex: this.now.regex } : {};
  }

  /** Add a value to the options of a field. */
  put(key, value, text = value) {
    const { options } = this.fields[key];
    if (value && options && ![...options].some((option) => option.value === value)) this.fields[key].add(new Option(text, value));
  }

  /** Offer the steps that the grid shows; the plan may arrive after the page. */
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

  /** Write the filter into the page's address: as a new entry, or (`how`) in place of this one; `line` keeps the hash. */
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

/* The document as text: line numbers that scroll with it, marks that lead to their line, and forms updated from it. */
import { chooseLine } from "./lines.js";

const byId = (id) => document.getElementById(id);
const yaml = byId("yaml");
let unsaved = false;

function follow() {
  byId("gutter").scrollTop = yaml.scrollTop;
}

function showLine(number) {
  byId("preview").open = true;
  chooseLine(yaml, number);
  follow();
}

if (yaml) {
  yaml.addEventListener("scroll", follow, { passive: true });
  yaml.addEventListener("input", () => { unsaved = true; });
  document.addEventListener("click", (event) => {
    const mark = event.target.closest("[data-line]");
    if (!mark) return;
    event.preventDefault();
    showLine(Number(mark.dataset.line));
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.target.id === "gutter") follow();
    if (event.target.id === "yaml-text" && !unsaved) yaml.value = byId("yaml-text").value;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.target.id !== "yaml-form" || !event.detail.successful) return;
    unsaved = false;
    // Without a delay, so that htmx watches the new fields before the user types in them.
    htmx.ajax("GET", location.pathname, { target: "#follow", select: "#follow", swap: "outerHTML settle:0ms" });
  });
  const preview = byId("preview");
  if (window.matchMedia("(max-width: 1240px)").matches || preview.closest(".is-roomy")) preview.open = window.innerWidth >= 1500;
  follow();
}

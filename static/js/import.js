/* A problem that prevents an import leads to its line. */
import { chooseLine } from "./lines.js";

document.addEventListener("click", (event) => {
  const mark = event.target.closest("[data-line]");
  if (mark) chooseLine(document.getElementById("import-text"), Number(mark.dataset.line));
});

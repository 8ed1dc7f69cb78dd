/** Select a line of a text area and scroll it into view. */
export function chooseLine(area, number) {
  const lines = area.value.split("\n");
  const start = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
  area.focus({ preventScroll: true });
  area.scrollIntoView({ block: "nearest" });
  area.setSelectionRange(start, start + (lines[number - 1]?.length ?? 0));
  area.scrollTop = Math.max(0, (number - 4) * (area.scrollHeight / lines.length));
}

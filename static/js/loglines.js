/* Lines of a log from the server, requested until it responds or rejects the request. */

/** The server's message about a request that it rejects. */
export class Refused extends Error {}

/** The response of `url` to this query; empty values are left out. */
export async function lines(url, query) {
  const address = new URL(url, location.href);
  for (const [key, value] of Object.entries(query)) if (value !== "" && value !== undefined) address.searchParams.set(key, value);
  for (let pause = 500; ; pause = Math.min(8000, pause * 2)) {
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (answer.ok && !answer.redirected) return await answer.json();
      if (answer.status === 400) throw new Refused(await answer.text());
      if (answer.redirected || (answer.status >= 400 && answer.status < 500)) throw new Refused(`refused: ${answer.status}`);
    } catch (error) {
      if (error instanceof Refused) throw error;
    }
    await new Promise((done) => { setTimeout(done, pause); });
  }
}

/** Whether the line with that number matches a query. */
export async function isThere(url, query, number) {
  try {
    const page = await lines(url, { ...query, after: number - 1, limit: 1 });
    return page.lines.length > 0 && page.lines[0][0] === number;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return false;
  }
}

/** The lines in events from a socket; null when an event has more lines than it carries. */
export function linesOfEvents(events) {
  const outputs = events.filter((event) => event.kind === "output");
  if (outputs.some((event) => !event.data.lines)) return null;
  return outputs.flatMap((event) => event.data.lines.map(
    ([at, stream, text], place) => [event.first_line + place, at, event.host, event.step, stream.replace(/^std/, ""), text],
  ));
}

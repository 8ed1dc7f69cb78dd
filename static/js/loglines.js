/* Lines of a log from the server, asked for until it answers or says that the question is wrong. */

/** What the server says of a question that it does not answer. */
export class Refused extends Error {}

/** What is at `url` for this query; what is empty in it is left out. */
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

/** Whether the line of that number is one of those that a query leaves. */
export async function isThere(url, query, number) {
  try {
    const page = await lines(url, { ...query, after: number - 1, limit: 1 });
    return page.lines.length > 0 && page.lines[0][0] === number;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return false;
  }
}

/** The lines that events of a socket bring; null when one has more of them than it carries. */
export function brought(events) {
  const outputs = events.filter((event) => event.kind === "output");
  if (outputs.some((event) => !event.data.lines)) return null;
  return outputs.flatMap((event) => event.data.lines.map(
    ([at, stream, text], place) => [event.first_line + place, at, event.host, event.step, stream.replace(/^std/, ""), text],
  ));
}

"""The measurements of `bench_log`, in the process that it starts; prints the rows as JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "installer_site.settings")
# Playwright's loop runs in this thread; Django would treat that as asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
django.setup()

from django.conf import settings  # noqa: E402 - Django has to be set up first
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from clusters.models import Cluster, Run  # noqa: E402
from tests.bench.echo import echoed  # noqa: E402
from tests.bench.fakes import HOSTS, TEXT  # noqa: E402
from tests.bench.log_beside import asking, fetched, row_for_each_line, whole_log  # noqa: E402
from tests.bench.row import Row  # noqa: E402
from tests.browser import ARGUMENTS, program  # noqa: E402
from tests.conftest import SEED  # noqa: E402
from tests.processes import ROOT, manage, wait_for  # noqa: E402
from tests.web.lines import fill  # noqa: E402
from tests.web.site import Site, session_of, site  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser

# The defaults of production; those of tests are shorter than the pauses of a busy machine.
LEASE = {"SLIPWAY_LEASE_SECONDS": "30", "SLIPWAY_HEARTBEAT_SECONDS": "5"}
MILLION = 1_000_000
OPENED, SEARCHED = 0.2, 0.08
"""Limits as multiples of the whole log as a file: fetched, and fetched and searched; 0.06 and 0.03 were measured at
most."""
STORED, SHOWN = 0.7, 1.0
"""Times a row of the database for each line; 0.41 was seen of the first at most."""
RATE, ROUND = 2_000, 9
"""Lines a second, and seconds of a round."""
LATE, OF_ASKING = 30.0, 0.25
"""Times a bare echo of the same lines, and times a page that asks every second. On a quiet machine the echo takes 1 ms
(p99: 5 to 8), while a page gets what the worker has stored since it looked 40 ms ago: 105 ms at p99, 12 to 21 times as
much. On a
machine with ten processes for each processor both are slower: 0.4 to 10 times."""
NEEDLE = "a needle in a haystack"
SEARCHES = (
    ("one line", f"search={NEEDLE.replace(' ', '+')}", 1),
    ("nothing", "search=00:00:00.0000000001", 0),
    ("one line by a regular expression", "regex=yes&search=a+needle.*stack+%5Cd", 1),
)
# From one end of the log to the needle in the middle, and a text in every line, which is counted for a limited time.
HITS = (
    ("the next hit", f"?search={NEEDLE.replace(' ', '+')}&after=1&limit=1"),
    ("the hit before, by a regular expression", "?regex=yes&search=a+needle.*stack+%5Cd&before=999999&limit=1"),
    ("which hit of how many", f"hits/?search={NEEDLE.replace(' ', '+')}&line=999999"),
)
EVERYWHERE = "hits/?search=I0101&line=999999"
"""Counts what is in every line, which Slipway does for SLIPWAY_COUNT_SECONDS only."""
COUNTED = 1.5
"""Times SLIPWAY_COUNT_SECONDS: the batch of lines that is read when they are over is counted, too."""
BEHIND = 0.25
"""Times the seconds of a run: how long after its end the last of two hundred watchers may have all of it."""
WATCHERS_OF_ONE = 25
"""Sockets of one person; a web process gives each SOCKETS_OF_ONE_CLIENT at most."""
LATENCY_JS = """
window.late = [];
new MutationObserver((changes) => {
  const now = Date.now();
  for (const change of changes) for (const node of change.addedNodes) {
    if (!node.classList?.contains("ln")) continue;
    const at = /@(\\d+)@/.exec(node.lastElementChild.textContent);
    if (at) window.late.push(now - Number(at[1]));
  }
}).observe(document, { childList: true, subtree: true });
"""


def highest_memory(pid: int) -> float:
    """The peak memory of a process, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def new_run(**fields: Any) -> Run:
    """A run of a new cluster."""
    owner = get_user_model().objects.get()
    cluster = Cluster.objects.create(owner=owner, name="bench", document=SEED)
    return Run.objects.create(cluster=cluster, document=SEED, asked_by=owner, **fields)


def million() -> Run:
    """A finished run with a million lines, and one needle in the middle."""
    run = new_run(state="succeeded", started_at=timezone.now(), finished_at=timezone.now())
    fill(run, MILLION, TEXT, NEEDLE, HOSTS)
    return run


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=list(ARGUMENTS))
        yield browser
        browser.close()


def opened(browser: Browser, pages: Site, session: str) -> Any:
    """A page of a signed-in user, with the static files in its cache."""
    context = browser.new_context(base_url=pages.url, viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "sessionid", "value": session, "url": pages.url}])
    page = context.new_page()
    page.goto("/")
    return page


def latest(page: Any, run: Run, within: float) -> float:
    """Seconds from the end of the run until its last line is in the page, which follows."""
    page.locator(f"#L{run.last_line}").wait_for(state="attached", timeout=within * 1000)
    return max(0.0, time.time() - run.finished_at.timestamp()) if run.finished_at else within


def opening(browser: Browser, pages: Site, run: Run, session: str) -> Iterator[Row]:
    """A million lines: the end in sight, and a search."""
    page = opened(browser, pages, session)
    began = time.monotonic()
    page.goto(f"/runs/{run.pk}/", wait_until="commit")
    page.locator(f"#L{MILLION}").wait_for(state="visible")
    took = time.monotonic() - began
    here, searched = whole_log(pages, session, run, NEEDLE)
    yield _than("open a finished run of 1,000,000 lines at its end", took, OPENED, here, "all of it as a file")
    for what, query, lines in SEARCHES:
        began = time.monotonic()
        found = json.loads(fetched(pages, session, f"/runs/{run.pk}/log/?{query}"))["lines"]
        took = time.monotonic() - began
        if len(found) != lines:
            raise AssertionError(f"The search for {what} found {len(found)} lines.")
        yield _than(f"search in 1,000,000 lines that finds {what}", took, SEARCHED, searched, "in the file")
    for what, query in HITS:
        began = time.monotonic()
        fetched(pages, session, f"/runs/{run.pk}/log/{query}")
        yield _than(f"in 1,000,000 lines {what}", time.monotonic() - began, SEARCHED, searched, "in the file")
    began = time.monotonic()
    fetched(pages, session, f"/runs/{run.pk}/log/{EVERYWHERE}")
    took, limit = time.monotonic() - began, settings.SLIPWAY_COUNT_SECONDS
    yield Row(
        "in 1,000,000 lines what is in every line, of the time given", took / limit, COUNTED, "×", f"{took:.3f} s"
    )
    page.context.close()


def _than(what: str, took: float, most: float, other: float, named: str, more: str = "") -> Row:
    """A row with a multiple of an alternative's seconds."""
    return Row(what, took / other, most, "×", f"{took:.3f} s; {named}: {other:.3f} s{more}")


def storing(browser: Browser, pages: Site, session: str) -> Iterator[Row]:
    """Twenty machines print as fast as the database stores it, and a page watches."""
    count = 20_000
    run = new_run()
    page = opened(browser, pages, session)
    page.goto(f"/runs/{run.pk}/")
    page.locator("#live[data-live=live]").wait_for()
    with manage("work", SLIPWAY_RUN_ON_MACHINES="tests.bench.fakes.crowd", BENCH_LINES=str(count), **LEASE) as worker:
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, 300, "the end of the run")
        memory = highest_memory(worker.pid)
    run.refresh_from_db()
    shown_after = latest(page, run, 300)
    page.context.close()
    seconds = run.seconds
    assert seconds is not None
    seen: dict[str, int] = {}
    whole = True
    number = 1
    columns = ("seq", "first_line", "host", "data")
    for place, (seq, first, host, data) in enumerate(run.events.order_by("seq").values_list(*columns), start=1):
        whole = whole and seq == place
        for _at, _stream, text in data.get("lines", ()) if first else ():
            at = seen.get(host, 0)
            whole = whole and text == TEXT % at
            seen[host] = at + 1
            number += 1
    whole = whole and number == run.last_line + 1
    missing = count * HOSTS - sum(seen.values())
    plain = row_for_each_line(new_run(state="failed"), 20_000)
    total, named = count * HOSTS, "a row for each line"
    more = f"; {total:,} lines, {total / seconds:,.0f} a second"
    yield _than(f"20,000 lines from {HOSTS} machines stored", seconds * 20_000 / total, STORED, plain, named, more)
    each, more = (seconds + shown_after) * 20_000 / total, f"; all of them {shown_after:.1f} s after the end"
    yield _than("20,000 lines stored and shown on a page at the same time", each, SHOWN, plain, named, more)
    yield Row("of these lost, or twice, or not in order", missing if whole else count * HOSTS, 0, "lines")
    yield Row("highest memory of the worker", memory, 300, "MB")


def latency(browser: Browser, pages: Site, session: str) -> Iterator[Row]:
    """From the line's print on the worker to its element in the page; three rounds, the median of them."""
    rounds = [_round(browser, pages, session) for _ in range(3)]
    # Not at the same time: a page that asks again and again makes the others slower.
    run, more = new_run(), {"BENCH_RATE": str(RATE), "BENCH_SECONDS": "5", "BENCH_WAIT": "1"}
    with asking(pages, session, run) as asked, manage("work", SLIPWAY_RUN_ON_MACHINES="tests.bench.fakes.metronome",
                                                      **LEASE, **more):  # fmt: skip
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, 90, "the end of the run")
    other = _most(asked)
    each = ", ".join(f"{_most(late):.0f} of {_most(bare):.1f} ms" for late, bare in rounds)
    beside = f"rounds: {each} of a bare websocket echo of the same lines; asking every second {other:,.0f} ms"
    what = f"line printed to line in the page at {RATE:,} lines a second, p99"
    yield Row(what, statistics.median(_most(late) / _most(bare) for late, bare in rounds), LATE, "×", beside)
    half = statistics.median(_most(late) for late, _ in rounds)
    yield Row("the same, of the p99 of a page that asks every second", half / other, OF_ASKING, "×", f"{half:.0f} ms")
    lines = sum(len(late) for late, _ in rounds)
    yield Row("lines missing in that page", abs(RATE * ROUND * 3 - lines), 0, "lines", f"of {lines:,}")


def _round(browser: Browser, pages: Site, session: str) -> tuple[list[float], list[float]]:
    """The milliseconds of each line to the page, and to a page with a bare echo, which runs before and after."""
    bare = echoed(browser, TEXT, RATE, ROUND / 3)
    run = new_run()
    page = opened(browser, pages, session)
    page.add_init_script(LATENCY_JS)
    page.goto(f"/runs/{run.pk}/")
    page.locator("#live[data-live=live]").wait_for()
    more = {"BENCH_RATE": str(RATE), "BENCH_SECONDS": str(ROUND), "BENCH_WAIT": "1"}
    with manage("work", SLIPWAY_RUN_ON_MACHINES="tests.bench.fakes.metronome", **LEASE, **more):
        # Not in the page: what waits there looks through it with every frame.
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, 90, "the end of the run")
        page.locator("#live[data-live=over]").wait_for(timeout=90_000)
    late = page.evaluate("window.late")
    page.context.close()
    return late, bare + echoed(browser, TEXT, RATE, ROUND / 3)


def _most(times: Sequence[float]) -> float:
    """The 99th percentile."""
    return sorted(times)[int(len(times) * 0.99)]


def watchers(pages: Site) -> Iterator[Row]:
    """Two hundred at once, of several people: one person has a limit of sockets."""
    count, rate, seconds = 200, 1_000, 20
    run = new_run()
    before = highest_memory(pages.process.pid) if pages.process else 0.0
    # A session counts as its person's once a page was opened with it; until then it is one of many of an address.
    people = [
        get_user_model().objects.create_superuser(f"watcher-{number}", password="a-bench-to-sit-on")
        for number in range(count // WATCHERS_OF_ONE)
    ]
    sessions = [session_of(person) for person in people]
    for session in sessions:
        fetched(pages, session, f"/runs/{run.pk}/")
    arguments = (str(pages.port), f"/ws/runs/{run.pk}/", ",".join(sessions), str(count))
    crowd = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.crowd", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    more = {"BENCH_RATE": str(rate), "BENCH_SECONDS": str(seconds), "BENCH_WAIT": "5"}
    try:
        with manage("work", SLIPWAY_RUN_ON_MACHINES="tests.bench.fakes.metronome", **LEASE, **more):
            output, _ = crowd.communicate(timeout=180)
    finally:
        crowd.kill()
    found = json.loads(output)
    run.refresh_from_db()
    took = run.seconds
    assert took is not None and run.finished_at is not None
    memory = highest_memory(pages.process.pid) if pages.process else 0.0
    behind = found["ended"] - run.finished_at.timestamp()
    complete = found["last"] == [run.last_seq] and not found["gaps"] and run.last_line == rate * seconds
    again = f"connected again: {found['again']}"
    missed = found["gaps"] + (0 if complete else 1)
    yield Row(f"{count} watchers at 1,000 lines a second: events missed", missed, 0, "events", again)
    late = f"{max(0.0, behind):.2f} s after a run of {took:.0f} s"
    what = f"{count} watchers: the last of them is at the end, of the time of the run"
    yield Row(what, max(0.0, behind) / took, BEHIND, "×", late)
    yield Row(
        f"{count} watchers: memory of the pages, at most", memory, 500, "MB", f"before they came: {before:.0f} MB"
    )


def main() -> None:
    """Measure everything."""
    call_command("migrate", verbosity=0)
    user = get_user_model().objects.create_superuser("bench", password="a-bench-to-sit-on")
    session = session_of(user)
    with site() as pages, chromium() as browser:
        rows: list[Row] = [*storing(browser, pages, session)]
    run = million()
    with site() as pages, chromium() as browser:
        rows += [*opening(browser, pages, run, session), *latency(browser, pages, session)]
    with site() as pages:
        rows += watchers(pages)
    print(json.dumps([dataclasses.asdict(row) for row in rows]))


if __name__ == "__main__":
    main()

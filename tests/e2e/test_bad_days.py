"""Bad days: a machine loses its power, the worker is killed; the run says so, or goes on as if nothing had been."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.e2e import walking
from tests.e2e.serving import wait_for
from tests.e2e.walking import Walk

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.e2e.serving import Site
    from tests.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.timeout(1500)]

NOTICED_SECONDS = 60.0
DONE = "SELECT count(*) FROM clusters_steprun WHERE run_id = ? AND state IN ('same', 'changed', 'skipped')"
ALL = "SELECT count(*) FROM clusters_steprun WHERE run_id = ?"


@pytest.fixture
def started(request: pytest.FixtureRequest, page: Page, machines: Lab, site: Site) -> tuple[Walk, int]:
    """A run on fresh machines, in its middle: a third of its work is done."""
    machines.reset()
    walk = Walk(page)
    walking.through_the_wizard(walk, "plug" if "plug" in request.node.name else "worker")
    run = walking.install(walk)

    def in_the_middle() -> bool:
        done, everything = site.ask(DONE, run)[0][0], site.ask(ALL, run)[0][0]
        return everything > 0 and done >= everything / 3

    wait_for(in_the_middle, walking.INSTALL_SECONDS / 2, "the middle of the run")
    assert walking.run_state(page) == "running"
    return walk, run


def test_a_pulled_plug_is_named_and_retry_finishes(started: tuple[Walk, int], machines: Lab, site: Site) -> None:
    walk, run = started
    machines.kill("node3")
    state = walking.wait_until_over(walk, NOTICED_SECONDS)
    assert state == "failed"
    message, failures = site.ask("SELECT message, failures FROM clusters_run WHERE id = ?", run)[0]
    assert "node3" in message + failures
    assert "node3" in walk.page.locator("#run-top").inner_text()
    machines.start("node3")
    walk.page.get_by_role("button", name=re.compile("^Retry")).first.click()
    walk.page.wait_for_url(lambda url: re.search(r"/runs/\d+/$", url) is not None and f"/runs/{run}/" not in url)
    assert walking.wait_until_over(walk) == "succeeded"


def test_a_killed_worker_loses_and_doubles_no_line(started: tuple[Walk, int], site: Site) -> None:
    walk, run = started
    killed = site.worker()
    os.kill(killed, signal.SIGKILL)
    assert walking.wait_until_over(walk) == "succeeded"
    assert site.worker() != killed
    (takeovers, last_seq, last_line) = site.ask(
        "SELECT takeovers, last_seq, last_line FROM clusters_run WHERE id = ?", run
    )[0]
    assert takeovers == 1
    numbers = site.ask("SELECT seq, first_line, line_count FROM clusters_event WHERE run_id = ? ORDER BY seq", run)
    assert [seq for seq, _first, _count in numbers] == list(range(1, last_seq + 1))
    lines = [number for _seq, first, count in numbers for number in range(first, first + count)]
    assert lines == list(range(1, last_line + 1))

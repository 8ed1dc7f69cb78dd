"""Bad days: power failures, full disks, killed workers, cancels; the run reports them or continues."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e import walking
from tests.e2e.serving import wait_for
from tests.e2e.walking import Walk

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.e2e.serving import Site
    from tests.lab.lab import Lab

pytestmark = [pytest.mark.early, pytest.mark.lab, pytest.mark.browser, pytest.mark.timeout(3000)]

NOTICED_SECONDS = 120.0
"""A machine that lost its power is silent for 27 s before its connection counts as lost, and is tried twice more, each
time for 10 s after a pause of 3 s; the rest is for slow machines. TCP alone would try for a quarter of an hour."""
BOOT_SECONDS = 20.0
"""How long a machine is off while it reboots; the lab's hosts would take only three seconds."""
CANCEL_SECONDS = 240.0
STEP_MS = 120_000
OURS = "kubeadm|ctr .*images|crictl|sha256sum|slipway"
"""Programs that steps run on machines; kubelet, containerd and etcd are services and stay."""
WORK = "SELECT count(*) FROM clusters_steprun WHERE run_id = ? AND phase <> 'precheck'"
FAILED_STEPS = "SELECT count(*) FROM clusters_steprun WHERE run_id = ? AND host = ? AND state = 'failed'"
DONE = f"{WORK} AND state IN ('same', 'changed', 'skipped')"


@pytest.fixture
def walk_to_review(request: pytest.FixtureRequest, page: Page, machines: Lab) -> Walk:
    """A new cluster on fresh machines, one press of a button before it is installed."""
    machines.reset()
    walk = Walk(page)
    walking.through_the_wizard(walk, request.node.name.removeprefix("test_").replace("_", "-")[:30].strip("-"))
    return walk


def wait_for_its_middle(site: Site, run: int) -> None:
    """Wait until a third of the work is over: binaries are installed, and machines depend on each other."""

    def half_done() -> bool:
        done, everything = site.ask(DONE, run)[0][0], site.ask(WORK, run)[0][0]
        return bool(everything > 0 and done >= everything / 3)

    wait_for(half_done, walking.INSTALL_SECONDS / 2, "the middle of the run")


def retry(walk: Walk, button: str | re.Pattern[str] = re.compile("^Retry")) -> int:
    """Press one of a run's buttons to continue; returns the number of the run whose page opens."""
    before = walking.run_number(walk.page)
    walk.page.get_by_role("button", name=button).first.click()
    walk.page.wait_for_url(lambda url: re.search(r"/runs/\d+/$", url) is not None and f"/runs/{before}/" not in url)
    return walking.run_number(walk.page)


def assert_success(walk: Walk, site: Site) -> None:
    """The run whose page is open succeeds; otherwise the test reports what failed."""
    state = walking.wait_until_over(walk)
    failures = site.ask("SELECT failures FROM clusters_run WHERE id = ?", walking.run_number(walk.page))
    assert state == "succeeded", failures


def test_a_full_disk_a_power_cut_and_a_reboot_do_not_stop_an_installation(
    walk_to_review: Walk, machines: Lab, site: Site
) -> None:
    walk = walk_to_review
    machines.execute("node3", "mount -t tmpfs -o size=20m tmpfs /usr/local/bin")
    run = walking.install(walk)
    assert walking.wait_until_over(walk) == "failed"
    (failures,) = site.ask("SELECT failures FROM clusters_run WHERE id = ?", run)[0]
    assert "The disk of node3 is full" in failures or "No space left on device" in failures
    assert "node3" in walk.page.locator("#run-top").inner_text()

    failed = json.loads(failures)[0]["step"]
    state = walk.page.locator("#run-state")
    retry(walk, "Retry this step")
    expect(state).to_have_attribute("data-state", "failed", timeout=STEP_MS)
    assert "node3" in walk.page.locator("#run-top").inner_text()
    machines.execute("node3", "umount /usr/local/bin")
    alone = retry(walk, "Retry this step")
    expect(state).to_have_attribute("data-state", "succeeded", timeout=STEP_MS)
    done = "SELECT DISTINCT step FROM clusters_steprun WHERE run_id = ? AND phase <> 'precheck'"
    assert site.ask(done, alone) == [(failed,)]
    expect(walk.page.locator("#run-top")).to_contain_text("The step is done")

    second = retry(walk, "Run the rest")
    wait_for_its_middle(site, second)
    assert walking.run_state(walk.page) == "running"
    machines.kill("node3")
    # Noticed in time; the run itself ends when the other machines have finished the work that does not need node3.
    wait_for(lambda: bool(site.ask(FAILED_STEPS, second, "node3")[0][0]), NOTICED_SECONDS, "node3 to be missed")
    assert walking.wait_until_over(walk) == "failed"
    message, failures = site.ask("SELECT message, failures FROM clusters_run WHERE id = ?", second)[0]
    assert "node3" in message + failures
    assert "node3" in walk.page.locator("#run-top").inner_text()
    machines.start("node3")

    third = retry(walk)
    wait_for_its_middle(site, third)
    assert walking.run_state(walk.page) == "running"
    machines.kill("node2")
    time.sleep(BOOT_SECONDS)
    machines.start("node2")
    assert_success(walk, site)
    expect(walk.page.locator(".attempts a")).to_have_count(5)


def test_a_cancelled_run_leaves_nothing_and_its_retry_survives_a_killed_worker(
    walk_to_review: Walk, machines: Lab, site: Site
) -> None:
    walk = walk_to_review
    run = walking.install(walk)
    wait_for_its_middle(site, run)
    assert walking.run_state(walk.page) == "running"
    walk.page.get_by_role("button", name="Cancel", exact=True).first.click()
    walk.page.locator("#cancel-run button[type=submit]").click()
    # A step that must not be interrupted, such as a join, ends first.
    assert walking.wait_until_over(walk, CANCEL_SECONDS) == "cancelled"
    for name in walking.MACHINES:
        left = machines.execute(name, f"pgrep -fa '{OURS}' | grep -v pgrep || true")
        assert left == "", f"{name} still runs {left}"
    log = walk.page.request.get(f"/runs/{run}/log.txt").text()
    assert len(log.splitlines()) > 50

    second = retry(walk)
    wait_for_its_middle(site, second)
    killed = site.worker()
    os.kill(killed, signal.SIGKILL)
    assert_success(walk, site)
    assert site.worker() != killed
    no_line_is_lost_or_doubled(site, second)


def no_line_is_lost_or_doubled(site: Site, run: int) -> None:
    """Its events and lines are numbered without a gap, although another worker resumed it."""
    (takeovers, last_seq, last_line) = site.ask(
        "SELECT takeovers, last_seq, last_line FROM clusters_run WHERE id = ?", run
    )[0]
    assert takeovers == 1
    numbers = site.ask("SELECT seq, first_line, line_count FROM clusters_event WHERE run_id = ? ORDER BY seq", run)
    assert [seq for seq, _first, _count in numbers] == list(range(1, last_seq + 1))
    lines = [number for _seq, first, count in numbers for number in range(first, first + count)]
    assert lines == list(range(1, last_line + 1))

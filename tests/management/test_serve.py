"""`serve` starts everything, keeps the worker alive, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model

from clusters.models import Run
from clusters.services import first_admin
from tests.proc import children_of, state_of, words_of
from tests.processes import manage, manage_and_read, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.read() == b"ok\n")
    except (urllib.error.URLError, OSError):
        return False


def children(pid: int) -> dict[str, int]:
    """The children of a process: "work" and "daphne" with their ids."""
    return {"work" if "work" in words_of(child) else "daphne": child for child in children_of(pid)}


def gone(pid: int) -> bool:
    return state_of(pid) in ("", "Z")


def test_a_killed_worker_is_restarted_and_its_run_continues(make_run: Callable[..., Run]) -> None:
    get_user_model().objects.create_superuser("root")
    port = free_port()
    lives = {"SLIPWAY_LEASE_SECONDS": "300", "SLIPWAY_RUN_ON_MACHINES": "tests.runs.fakes.endless"}
    with manage("serve", "--listen", f"127.0.0.1:{port}", **lives) as serve:
        wait_for(lambda: "work" in children(serve.pid), what="the worker")
        run = make_run()
        wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 5, what="the first lines")
        killed = children(serve.pid)["work"]
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: children(serve.pid).get("work", killed) != killed, what="another worker")
        # The lease is five minutes: serve knows that the worker is dead, and releases its run.
        wait_for(lambda: Run.objects.get(pk=run.pk).takeovers == 1, what="the take-over")
        wait_for(lambda: healthy(port), what="the web process")
        left = children(serve.pid)
        serve.send_signal(signal.SIGTERM)
        assert serve.wait(90) == 0
        assert all(gone(pid) for pid in left.values())
        assert not healthy(port)
    run.refresh_from_db()
    assert run.takeovers == 1


def test_the_first_start_prints_a_password_and_its_death_ends_everything() -> None:
    port = free_port()
    with manage_and_read("serve", "--listen", f"127.0.0.1:{port}", PYTHONUNBUFFERED="1") as serve:
        assert serve.stdout is not None
        said = ""
        while f"http://127.0.0.1:{port}/" not in said:
            line = serve.stdout.readline()
            assert line, said
            said += line
        found = re.search(r"log in as (\S+) with the one-time password (\S+)", said)
        assert found is not None
        user = get_user_model().objects.get(username=found[1])
        assert user.check_password(found[2])
        assert user.account.must_change_password
        wait_for(lambda: len(children(serve.pid)) == 2, what="both processes")
        left = children(serve.pid)
        serve.kill()
        wait_for(lambda: all(gone(pid) for pid in left.values()), what="the end of both")


def test_a_user_with_a_one_time_password_must_change_it() -> None:
    from django.test import Client

    made = first_admin()
    assert made is not None
    user = get_user_model().objects.get(username=made[0])
    browser = Client()
    browser.force_login(user)
    answer = browser.get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/password/")
    htmx = browser.get("/admin/", headers={"HX-Request": "true"})
    assert htmx["HX-Redirect"] == "/accounts/password/"
    assert browser.get("/healthz").content == b"ok\n"
    user.account.must_change_password = False
    user.account.save()
    assert browser.get("/admin/").status_code == 200

"""Fake engines and connection tests, used through SLIPWAY_RUN_ON_MACHINES and SLIPWAY_PROBE in tests of the worker."""

from __future__ import annotations

import base64
import json
import os
import shlex
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from django.utils import timezone

from clusters.config.jump_hosts import route_to
from clusters.config.secret import Secret
from clusters.engine import events
from clusters.errors import RemoteError
from clusters.models import Event

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from clusters.config.schema import Host
    from clusters.engine.events import Sink
    from clusters.remote.auth.host_keys import KnownKeys
    from clusters.remote.host import Cancel
    from clusters.runs.task import Task


@dataclass(frozen=True)
class Ended:
    """The part of the engine's Outcome that a worker uses."""

    state: str
    failures: tuple[events.Failed, ...] = ()
    same: int = 0
    changed: int = 0


KEY_DATA = "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlF"
# Lines of a fake that waits for its test; the test has given up by then.
LONGEST_PRINTING = 8_000
STEPS = ("os/prepare", "etcd/start", "kubernetes/init")


def plan_of(task: Task) -> events.PlanMade:
    hosts = [host.name for host in task.document.hosts]
    return events.PlanMade(steps=[{"path": p, "title": p, "phase": p.split("/")[0], "hosts": hosts} for p in STEPS])


def quick(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """Everything goes well at once."""
    return paced(task, sink, cancel, 0.0)


def slow(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """About four seconds, printing a counter."""
    return paced(task, sink, cancel, 0.05)


def endless(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """Prints until it is asked to stop, so that a test can always find it running."""
    return printing(task, sink, cancel, lambda: False)


def until_file_exists(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """Prints until the file at FAKE_GO_ON exists, and then succeeds."""
    return printing(task, sink, cancel, Path(os.environ["FAKE_GO_ON"]).exists)


def printing(task: Task, sink: Sink, cancel: Cancel, enough: Callable[[], bool]) -> Ended:
    sink.emit(plan_of(task))
    host, step = task.document.hosts[0].name, STEPS[0]
    sink.emit(events.StepChanged(host=host, step=step, state="running"))
    for number in range(LONGEST_PRINTING):
        if cancel.wait(0.05):
            sink.emit(events.StepChanged(host=host, step=step, state="cancelled"))
            return Ended("cancelled")
        sink.emit(events.Output(host=host, step=step, text=f"pid {os.getpid()} line {number}"))
        if enough():
            sink.emit(events.StepChanged(host=host, step=step, state="changed", seconds=1.0, changed=1))
            return Ended("succeeded", changed=1)
    return Ended("failed")


def paced(task: Task, sink: Sink, cancel: Cancel, pause: float) -> Ended:
    sink.emit(plan_of(task))
    for step in STEPS:
        for host in task.document.hosts:
            sink.emit(events.StepChanged(host=host.name, step=step, state="running"))
            for number in range(10):
                if cancel.wait(pause):
                    sink.emit(events.StepChanged(host=host.name, step=step, state="cancelled"))
                    return Ended("cancelled")
                text = f"pid {os.getpid()} line {number} {host.password.reveal() if host.password else ''}"
                sink.emit(events.Output(host=host.name, step=step, text=text))
            sink.emit(events.StepChanged(host=host.name, step=step, state="changed", seconds=1.0, same=2, changed=1))
    sink.emit(events.Delivered(name="kubeconfig", content=Secret("apiVersion: v1\nkind: Config\n")))
    return Ended("succeeded", same=18, changed=9)


def forms_of(secret: str) -> list[str]:
    """Forms of a secret: unchanged, and as Base64, URLs, shells, JSON and a registry's login write it."""
    login = base64.b64encode(f"user:{secret}".encode()).decode()
    coded = base64.b64encode(secret.encode()).decode()
    return [secret, coded, quote(secret, safe=""), quote_plus(secret), shlex.quote(secret), json.dumps(secret), login]


def leaky(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """Programs that print every secret they know, in every form, and a token created meanwhile."""
    sink.emit(plan_of(task))
    token = "abcdef.0123456789abcdef"
    sink.emit(events.SecretMade(host="node1", step="os/prepare", content=Secret(token)))
    known = [token, *(host.password.reveal() for host in task.document.hosts if host.password)]
    for text in [form for secret in known for form in forms_of(secret)]:
        sink.emit(events.Output(host="node1", step="os/prepare", text=f"found {text} here"))
        sink.emit(events.Observed(host="node1", step="os/prepare", topic="facts", values={"kernel": text}))
        sink.emit(events.CheckFound(host="node1", step="precheck/x", check="x", severity="warning", message=text))
    sink.emit(events.StepChanged(host="node1", step="os/prepare", state="failed", message=known[-1]))
    failed = events.Failed(host="node1", step="os/prepare", found=known[0], lines=known, hint=known[-1])
    sink.emit(failed)
    kubeconfig = f"kind: Config\nusers:\n- user:\n    client-key-data: {KEY_DATA}\n"
    sink.emit(events.Delivered(name="kubeconfig", content=Secret(kubeconfig)))
    return Ended("failed", (failed,))


def steady(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """Hundred lines a second for a bit more than a minute."""
    return counting(task, sink, cancel, lines=6_600, a_second=100)


def burst(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """Ten thousand lines a second for three seconds."""
    cancel.wait(1.0)
    return counting(task, sink, cancel, lines=30_000, a_second=10_000)


def counting(task: Task, sink: Sink, cancel: Cancel, *, lines: int, a_second: int) -> Ended:
    sink.emit(plan_of(task))
    began = time.monotonic()
    for number in range(lines):
        early = began + number / a_second - time.monotonic()
        if early > 0.01 and cancel.wait(early):
            return Ended("cancelled")
        host = f"node{number % 3 + 1}"
        sink.emit(events.Output(host=host, step="os/prepare", text=f"line {number} of ünïcode <b>text</b>"))
    return Ended("succeeded", changed=1)


def _hours_later(real: Callable[[], datetime], hours: int) -> Callable[[], datetime]:
    return lambda: real() + timedelta(hours=hours)


def time_traveller(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """Somebody sets the clock of the worker an hour forward, then two hours back."""
    real = timezone.now
    for hours, told in ((1, "set forward by"), (-1, "set back by")):
        timezone.now = _hours_later(real, hours)
        sink.emit(events.Output(host="node1", step="os/prepare", text=f"{hours} h"))
        until = time.monotonic() + 90
        while not _in_a_log(told) and time.monotonic() < until and not cancel.wait(0.1):
            pass
    return Ended("succeeded", changed=1)


def _in_a_log(text: str) -> bool:
    rows = Event.objects.filter(kind="output").values_list("data", flat=True)
    return any(text in str(data) for data in rows)


def stubborn(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """Succeeds although somebody asked it to stop: the cancel came too late."""
    cancel.wait(300)
    return Ended("succeeded", same=1)


def fails(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """One machine fails."""
    sink.emit(plan_of(task))
    sink.emit(events.StepChanged(host="node1", step="os/prepare", state="running"))
    sink.emit(events.StepChanged(host="node1", step="os/prepare", state="failed", message="disk full"))
    failed = events.Failed(host="node1", step="os/prepare", expected="2 GB free", found="disk full", hint="Make room.")
    sink.emit(failed)
    return Ended("failed", (failed,))


def cannot(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """An InstallerError."""
    raise RemoteError("node1 does not answer", hint="Is it on?", retryable=True)


def broken(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """A bug in Slipway, whose message quotes a secret."""
    password = task.document.hosts[0].password
    raise ZeroDivisionError(f"with {password.reveal() if password else None}")


def gentle_probe(
    host: Host, known: KnownKeys, tell: Callable[[dict[str, Any]], None], *, from_terminal: bool = False
) -> dict[str, Any]:
    """A machine whose key must be accepted first, after that of its jump host."""
    for hop in route_to(host):
        if known.lookup(hop.address, hop.port) is None:
            offered: dict[str, str | int] = {"key_type": "ssh-ed25519", "key": "BBBB"}
            offered |= {"fingerprint": f"SHA256:{hop.address}", "address": hop.address, "port": hop.port}
            tell({"name": "jump", "state": "ask", "message": "unknown", "hint": "", "offered": offered})
            return {}
        tell({"name": "jump", "state": "ok", "message": f"through {hop}", "hint": ""})
    tell({"name": "reach", "state": "ok", "message": "answers", "hint": ""})
    if known.lookup(host.ssh_address, host.port) is None:
        offered = {"key_type": "ssh-ed25519", "key": "AAAA", "fingerprint": f"SHA256:{host.name}"}
        tell({"name": "hostkey", "state": "ask", "message": "unknown", "hint": "", "offered": offered})
        for name in ("login", "sudo", "facts"):
            tell({"name": name, "state": "skipped", "message": "", "hint": ""})
        return {}
    for name in ("hostkey", "login", "sudo", "facts"):
        tell({"name": name, "state": "ok", "message": name, "hint": ""})
    return {"os_name": "Debian", "cpus": 4}


def rude_probe(host: Host, known: KnownKeys, tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Fails with an error that quotes the password."""
    tell({"name": "reach", "state": "ok", "message": "answers", "hint": ""})
    raise ZeroDivisionError(f"{host.password.reveal() if host.password else ''}")


def slow_probe(host: Host, known: KnownKeys, tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Takes a moment for each stage."""
    for name in ("reach", "hostkey", "login", "sudo", "facts"):
        time.sleep(0.05)
        tell({"name": name, "state": "ok", "message": "", "hint": ""})
    return {}

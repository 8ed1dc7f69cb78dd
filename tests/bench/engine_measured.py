"""The measurements of `bench_engine`, in the process that it starts; prints the rows as JSON."""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import django
import paramiko

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "installer_site.settings")
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402 - Django has to be set up first
from django.core.management import call_command  # noqa: E402

from clusters.config.schema import Document, Host  # noqa: E402
from clusters.models import Cluster, Run  # noqa: E402
from clusters.runs.access.pinned_host_keys import pin  # noqa: E402
from clusters.runs.documents import write_document  # noqa: E402
from tests.bench import ansible  # noqa: E402
from tests.bench.machines import machines  # noqa: E402
from tests.bench.row import Row  # noqa: E402
from tests.processes import ROOT, manage  # noqa: E402
from tests.web.site import Site, session_of, site  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.sshd import Sshd

HOSTS, STEPS = 40, 30
ROUNDS, ROUNDS_OF_ANSIBLE = 6, 3
"""The candidate nearest to its limit has the most rounds; a round of ansible-core takes longer than six others."""

SECONDS = 300
EVENTS = 5
"""Of each step on each machine: started, command, line, wanted state, ended."""


def bare(hosts: list[Sshd]) -> float:
    """The same commands over paramiko's channels, a thread for each machine, and nothing else."""
    broken: list[BaseException] = []

    def one(host: Sshd) -> None:
        try:
            with paramiko.SSHClient() as client:
                client.load_host_keys(str(host.directory / "known"))
                client.connect(
                    host.addresses[0], host.port, host.user, key_filename=str(host.directory / "client"),
                    allow_agent=False, look_for_keys=False, timeout=60, banner_timeout=60, auth_timeout=60,
                )  # fmt: skip
                for number in range(STEPS):
                    _stdin, out, _err = client.exec_command(f"echo step {number}", timeout=60)
                    if out.read() != f"step {number}\n".encode() or out.channel.recv_exit_status():
                        raise AssertionError("a command failed")
        except BaseException as error:  # noqa: BLE001 - raised by the thread that measures
            broken.append(error)

    for host in hosts:
        known = f"[{host.addresses[0]}]:{host.port} {host.key.key_type} {host.key.key}\n"
        (host.directory / "known").write_text(known)
    threads = [threading.Thread(target=one, args=(host,)) for host in hosts]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    took = time.monotonic() - began
    if broken or any(thread.is_alive() for thread in threads):
        raise AssertionError(f"bare channels failed: {broken[:3]}")
    return took


def cluster_of(hosts: list[Sshd]) -> Cluster:
    """A cluster of all of them, their keys accepted."""
    owner = get_user_model().objects.create_superuser("bench", password="a-bench-to-sit-on")
    names = [f"node{number}" for number in range(1, len(hosts) + 1)]
    specs = tuple(
        Host(name=name, address=host.addresses[0], port=host.port, user=host.user, private_key=host.client_key)
        for name, host in zip(names, hosts, strict=True)
    )
    groups = {"etcd": names[:1], "master": names[:1], "worker": names[1:]}
    document = Document.model_validate({"hosts": specs, "roleGroups": groups})
    cluster = Cluster.objects.create(owner=owner, name="bench", document=write_document(document))
    for host in hosts:
        pin(cluster.pk, host.addresses[0], host.port, host.key, by=owner)
    return cluster


def engine(cluster: Cluster, pages: Site) -> float:
    """A run of the engine in the waiting worker; its events are stored, and watched from beginning to end."""
    assert cluster.owner is not None
    run = Run.objects.create(cluster=cluster, document=cluster.document, asked_by=cluster.owner)
    arguments = (str(pages.port), f"/ws/runs/{run.pk}/", session_of(cluster.owner), "1")
    watcher = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.crowd", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        # The watcher gets the end as an event; polling the database for it would be part of the measurement.
        watched = json.loads(watcher.communicate(timeout=SECONDS)[0])
    finally:
        watcher.kill()
    run.refresh_from_db()
    events = run.last_seq
    lines = run.last_line
    if run.state != "succeeded" or watched["last"] != [run.last_seq] or watched["gaps"] or lines < 2 * HOSTS * STEPS:
        raise AssertionError(f"the engine failed: {run.state} {run.message} {events} {lines} {watched}")
    assert run.seconds is not None
    return run.seconds


@dataclasses.dataclass(frozen=True, slots=True)
class Times:
    """The seconds of one candidate's rounds; at least one."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median, so that neither a lucky nor a disturbed round decides."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        """The median with the noise: from the fastest to the slowest round, and their distance relative to it."""
        low, high = min(self.seconds), max(self.seconds)
        spread = (high - low) / self.median
        return f"{self.median:.2f} s ({low:.2f} to {high:.2f} in {len(self.seconds)} rounds, spread {spread:.0%})"


def compared(what: str, times: Mapping[str, Times]) -> list[Row]:
    """The engine's median beside that of each other candidate, and the noise of both."""
    named = {
        "bare": ("of bare paramiko channels", 1.15, "bare"),
        "ansible": (f"of ansible-core {ansible.VERSION}", 0.25, "ansible (raw, 40 forks, pipelining)"),
    }
    engine = times["engine"]
    return [
        Row(f"{what}: {words}", engine.median / times[name].median, must, "×", f"{engine}, {beside} {times[name]}")
        for name, (words, must, beside) in named.items()
    ]


def interleaved(rounds: int) -> dict[str, Times]:
    """Rounds in which each candidate has its turn, so that other load on the machine affects all equally."""
    playbook = ansible.installed()
    found: dict[str, list[float]] = {"bare": [], "engine": [], "ansible": []}
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as place:
        here = Path(place)
        with machines(here, HOSTS) as hosts, site() as pages:
            cluster = cluster_of(hosts)
            with manage("work", SLIPWAY_RUN_ON_MACHINES="tests.bench.fakes.trivial_steps", SLIPWAY_LEASE_SECONDS="30",
                        SLIPWAY_HEARTBEAT_SECONDS="5", BENCH_STEPS=str(STEPS)):  # fmt: skip
                for number in range(rounds):
                    found["bare"].append(bare(hosts))
                    found["engine"].append(engine(cluster, pages))
                    if number < ROUNDS_OF_ANSIBLE:
                        found["ansible"].append(ansible.seconds(playbook, here / f"ansible{number}", hosts, STEPS))
                    newest = {name: times[number:] for name, times in found.items()}
                    print(f"round {number + 1}: {newest}", file=sys.stderr)
    return {name: Times(tuple(times)) for name, times in found.items()}


def main() -> None:
    """Measure everything."""
    call_command("migrate", verbosity=0)
    times = interleaved(int(os.environ.get("BENCH_ROUNDS", ROUNDS)))
    rows = compared(f"{HOSTS} machines × {STEPS} trivial steps by the engine, events stored, one watcher", times)
    print(json.dumps([dataclasses.asdict(row) for row in rows]))


if __name__ == "__main__":
    main()

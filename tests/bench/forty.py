"""Forty sshds, and the same 1,200 commands sent to them by the engine, by bare paramiko and by Ansible."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko

from clusters.config.schema import Document
from clusters.engine.executor import execute_plan
from clusters.engine.plan import make_plan
from clusters.engine.recipe import recipe
from clusters.engine.step import Register, step
from clusters.engine.wants import command
from clusters.remote.hostkeys import InMemoryKeys
from clusters.remote.shell import sh
from clusters.remote.ssh import SshHost
from clusters.remote.target import Target
from tests.sshd import Sshd, free_port, make_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Host as HostSpec
    from clusters.engine.cluster import Cluster
    from clusters.engine.events import Sink
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from clusters.remote.host import Cancel
    from clusters.runs.task import Task

HOSTS, STEPS = 40, 30
ANSIBLE = "ansible-core==2.19.3"
SERVERS: list[Sshd] = []
"""Those that run now; the engine's part finds them here, since a run carries a document and no sockets."""


@contextmanager
def forty_sshds() -> Iterator[list[Sshd]]:
    """Forty real sshds on loopback that let root in by one key."""
    with tempfile.TemporaryDirectory(prefix="slipway-forty-") as place, ExitStack() as stack:
        Path(place).chmod(0o755)
        keys = make_keys(Path(place))
        for number in range(HOSTS):
            directory = Path(place) / str(number)
            directory.mkdir()
            for path in Path(place).glob("*"):
                if path.is_file():
                    (directory / path.name).write_bytes(path.read_bytes())
                    (directory / path.name).chmod(path.stat().st_mode & 0o777)
            server = Sshd(directory, free_port(), "root", "", keys)
            server.start()
            stack.callback(server.stop)
            SERVERS.append(server)
        try:
            yield SERVERS
        finally:
            SERVERS.clear()


def document() -> Document:
    """Forty machines; the first is the control plane too, since a plan wants one."""
    hosts = [
        {"name": f"node{number}", "address": "127.0.0.1", "port": server.port}
        for number, server in enumerate(SERVERS, 1)
    ]
    names = [host["name"] for host in hosts]
    return Document.model_validate(
        {"hosts": hosts, "roleGroups": {"etcd": names[:1], "master": names[:1], "worker": names}}
    )


def by_engine(task: Task | None, sink: Sink, cancel: Cancel) -> object:
    """Thirty steps on each machine, one after another there, each one command; events go to the sink."""
    register = Register()
    before: tuple[str, ...] = ()
    for number in range(STEPS):

        @step(f"bench/step-{number:02}", on="all", needs=before, register=register)
        def trivial(machine: Machine, cluster: Cluster) -> Iterator[Want]:
            """Look at what is so already"""
            yield command("nothing has to be done", sh("false"), unless=sh("true"))

        before = (f"bench/step-{number:02}",)
    recipe("bench", "Bench", "bench")
    asked = document()
    known = InMemoryKeys()
    for server in SERVERS:
        known.pin("127.0.0.1", server.port, server.key)

    def open_host(spec: HostSpec) -> SshHost:
        server = SERVERS[int(spec.name.removeprefix("node")) - 1]
        key = server.client_key
        return SshHost(Target(spec.name, "127.0.0.1", server.port, "root", private_key=key), known)

    plan = make_plan(asked, "bench", steps=register)
    return execute_plan(plan, document=asked, open_host=open_host, source=None, sink=sink, cancel=cancel)  # type: ignore[arg-type]


def by_paramiko() -> float:
    """Seconds for the same commands by channels of one connection per machine, in forty threads."""

    def one(server: Sshd) -> None:
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        key = paramiko.Ed25519Key.from_private_key_file(str(server.directory / "client"))
        client.connect("127.0.0.1", server.port, "root", pkey=key, allow_agent=False, look_for_keys=False)
        for _ in range(STEPS):
            _stdin, stdout, _stderr = client.exec_command("true")
            stdout.read()
            if stdout.channel.recv_exit_status():
                raise RuntimeError("true was false")
        client.close()

    began = time.monotonic()
    with ThreadPoolExecutor(HOSTS) as pool:
        list(pool.map(one, SERVERS))
    return time.monotonic() - began


def by_ansible(place: Path) -> float:
    """Seconds for the same commands by `ansible-playbook`: raw, forty forks, pipelining, one connection kept."""
    venv = place / "ansible"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    subprocess.run([str(venv / "bin/pip"), "install", "-q", ANSIBLE], check=True, stdout=subprocess.DEVNULL)
    key = SERVERS[0].directory / "client"
    rows = [f"node{number} ansible_host=127.0.0.1 ansible_port={each.port}" for number, each in enumerate(SERVERS)]
    common = (
        f"ansible_user=root ansible_ssh_private_key_file={key}\nansible_ssh_common_args='-o StrictHostKeyChecking=no"
    )
    (place / "hosts").write_text("\n".join([*rows, "[all:vars]", f"{common} -o UserKnownHostsFile=/dev/null'"]) + "\n")
    tasks = "".join("    - raw: 'true'\n" for _ in range(STEPS))
    (place / "play.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
    env = {**os.environ, "ANSIBLE_PIPELINING": "True", "ANSIBLE_FORKS": str(HOSTS), "ANSIBLE_HOME": str(place)}
    began = time.monotonic()
    subprocess.run(
        [str(venv / "bin/ansible-playbook"), "-i", str(place / "hosts"), str(place / "play.yml")],
        check=True,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.monotonic() - began


class Watcher(threading.Thread):
    """Somebody who looks at the run all the time, as a page does: what is newer than what it has."""

    def __init__(self, run: int) -> None:
        super().__init__(daemon=True)
        self.run_id, self.seen, self.over = run, 0, threading.Event()

    def run(self) -> None:
        """Until it is told that all is over."""
        from django.db import connections

        from clusters.models import Event

        while not self.over.wait(0.2):
            newer = (
                Event.objects.filter(run_id=self.run_id, seq__gt=self.seen).order_by("seq").values_list("seq", "data")
            )
            for seq, _data in newer:
                self.seen = seq
        connections.close_all()

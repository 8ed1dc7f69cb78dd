"""Small installations by the real engine over SSH, for workers that are processes (SLIPWAY_RUN_ON_MACHINES names one).

Their "machines" are logins on this one; steps leave their results as files in the directory SCENE_DIR.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clusters.config.schema import Document, Host
from clusters.engine.check import Checks, error, precheck
from clusters.engine.executor import Outcome, execute_plan
from clusters.engine.plan import make_plan
from clusters.engine.recipe import recipe
from clusters.engine.step import Register, step
from clusters.engine.wants import command, eventually, so_if
from clusters.models import Cluster
from clusters.remote.shell import sh
from clusters.remote.ssh import SshHost
from clusters.remote.target import target_of
from clusters.runs.access.pinned_host_keys import pin
from clusters.runs.documents import write_document
from tests.processes import manage

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from django.contrib.auth.models import User

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster as Machines
    from clusters.engine.events import Sink
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from clusters.remote.host import Cancel
    from clusters.remote.shell import Command
    from clusters.runs.task import Task
    from tests.sshd import Sshd

RECIPE = "scene"
recipe(RECIPE, "A scene of a test", "first", "then")
THREE_STEPS = "three-steps"
recipe(THREE_STEPS, "Steps named as those of an installation", "precheck", "os", "kubernetes", "finish")

# Seconds after which a command stops waiting for its test.
LONGEST_WAIT = 300

# A command with a child, a grandchild, and a process that ignores SIGTERM.
FAMILY = (
    "sleep 5101.25 & /bin/sh -c 'sleep 5101.25 & sleep 5101.25; :' & "
    "/bin/sh -c 'trap \"\" TERM; while :; do sleep 5102.25; done' & echo ready; wait"
)


def cluster_of(alice: User, sshd: Sshd, *names: str, address: str = "", port: int = 0) -> Cluster:
    """A cluster whose machines are logins as root by key on one sshd, with its key accepted.

    Each has another loopback address; `address` and `port` are a separate route to the first one.
    """
    places = [(f"127.0.0.{number}", sshd.port) for number in range(1, len(names) + 1)]
    places[0] = (address or places[0][0], port or places[0][1])
    machines = tuple(
        Host(name=name, address=at, internal_address=f"10.99.0.{number}", port=door, user="root",
             private_key=sshd.client_key)
        for number, (name, (at, door)) in enumerate(zip(names, places, strict=True), 1)
    )  # fmt: skip
    document = Document.model_validate(
        {
            "hosts": machines,
            "roleGroups": {"etcd": names[:1], "master": names[:1], "worker": names},
            "kubernetes": {"version": "v1.20.2", "containerManager": "containerd"},
            "network": {"plugin": "bridge"},
        }
    )
    cluster = Cluster.objects.create(owner=alice, name="scene", document=write_document(document))
    for at, door in places:
        pin(cluster.pk, at, door, sshd.key, by=alice)
    return cluster


@contextmanager
def worker(scene: str, place: Path, **more: str) -> Iterator[subprocess.Popen[str]]:
    """A worker process that plays the scene."""
    settings = {"SLIPWAY_RUN_ON_MACHINES": f"tests.runs.scenes.{scene}", "SLIPWAY_LEASE_SECONDS": "30", **more}
    with manage("work", SCENE_DIR=str(place), **settings) as process:
        yield process


def sign(machine: Machine, name: str) -> str:
    """The file that a step leaves on a machine as a sign."""
    return f"{os.environ['SCENE_DIR']}/{machine.name}.{name}"


def until_go(machine: Machine) -> Command:
    """Wait until the test has touched the sign "go", so that a test can always find the command running."""
    return sh("for i in $(seq {}); do test -e {} && break; sleep 0.1; done", LONGEST_WAIT * 10, sign(machine, "go"))


def play(register: Register, task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """Like `run_on_machines`, with only these steps."""
    return execute_plan(
        make_plan(task.document, RECIPE, steps=register, checks=Checks()),
        document=task.document,
        open_host=lambda spec: SshHost(target_of(spec), task.known),
        source=None,  # type: ignore[arg-type]  # no step takes a file
        sink=sink,
        cancel=cancel,
        granted=task.granted,
    )


PATIENT_SECONDS = 30


def patient(task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """A command that waits for the test, and a wait of 4 s, in a step that has 30 s."""
    register = Register()

    @step("first/slow", on="all", timeout=PATIENT_SECONDS, expected=0.5, register=register)
    def slow(machine: Machine, cluster: Machines) -> Iterator[Want]:
        """Take longer than anybody thought"""
        done = sign(machine, "done")
        slowly = sh("echo slow; {}; touch {}", until_go(machine), done)
        yield command("the slow thing is done", slowly, unless=sh("test -e {}", done))
        later = sign(machine, "later")
        machine.do(sh("(sleep 4; touch {}) >/dev/null 2>&1 &", later))
        yield eventually("it came by itself", so_if(sh("test -e {}", later)), within=1)

    return play(register, task, sink, cancel)


def family(task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """A command with many processes that never ends, and a step after it."""
    register = Register()

    @step("first/family", on="all", timeout=600, register=register)
    def many(machine: Machine, cluster: Machines) -> Iterator[Want]:
        """Start a family of processes"""
        yield command("the family is gone", sh(FAMILY), unless=sh("false"))

    @step("then/never", on="all", needs_all=("first/family",), register=register)
    def never(machine: Machine, cluster: Machines) -> Iterator[Want]:
        """Never come to this"""
        machine.do(sh("touch {}", sign(machine, "never")))
        yield from ()

    return play(register, task, sink, cancel)


def uncut(task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """A step that must not be cut and waits for the test, and a step after it."""
    register = Register()

    @step("first/uncut", on="all", uncut=True, register=register)
    def whole(machine: Machine, cluster: Machines) -> Iterator[Want]:
        """Do something that must not be cut"""
        done = sign(machine, "whole")
        cutting = sh("echo cutting; {}; touch {}", until_go(machine), done)
        yield command("it is whole", cutting, unless=sh("test -e {}", done))

    @step("then/never", on="all", needs_all=("first/uncut",), register=register)
    def never(machine: Machine, cluster: Machines) -> Iterator[Want]:
        """Never come to this"""
        machine.do(sh("touch {}", sign(machine, "never")))
        yield from ()

    return play(register, task, sink, cancel)


def last_uncut(task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """Nothing but a step that must not be cut and waits for the test: a cancel comes too late for it."""
    register = Register()

    @step("first/uncut", on="all", uncut=True, register=register)
    def whole(machine: Machine, cluster: Machines) -> Iterator[Want]:
        """Do something that must not be cut"""
        done = sign(machine, "whole")
        cutting = sh("echo cutting; {}; touch {}", until_go(machine), done)
        yield command("it is whole", cutting, unless=sh("test -e {}", done))

    return play(register, task, sink, cancel)


def uncut_part(task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """A step with a part that must not be cut and waits for the test, and something after it that a cancel ends."""
    register = Register()

    @step("first/joins", on="all", timeout=LONGEST_WAIT, register=register)
    def joins(machine: Machine, cluster: Machines) -> Iterator[Want]:
        """Join something, and then wait"""
        with machine.uncut("joining the others") as part:
            part.do(sh("echo cutting; {}; touch {}", until_go(machine), sign(machine, "whole")))
        machine.do(sh("echo after; sleep {}", LONGEST_WAIT))
        yield from ()

    return play(register, task, sink, cancel)


def counted(task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """Each machine writes one line when something is done to it; a machine with a file "broken" fails."""
    register = Register()

    @step("first/count", on="all", register=register)
    def count(machine: Machine, cluster: Machines) -> Iterator[Want]:
        """Write a line on each machine"""
        done, broken = sign(machine, "deeds"), sign(machine, "broken")
        yield command("it is done", sh("test ! -e {} && echo deed >> {}", broken, done), unless=sh("test -s {}", done))

    return play(register, task, sink, cancel)


def three_steps(task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """A precheck and three steps with names of the catalog, so that the buttons after a failure find them.

    Each machine keeps looks and deeds as lines; a file "broken" fails the second step, one "skewed" the precheck.
    """
    register, checks = Register(), Checks()

    @precheck("time.skew", fix="Set the clock.", register=checks)
    def skew(machine: Machine, cluster: Machines) -> Iterator[Finding]:
        """The clock is right."""
        if machine.ask(sh("test -e {}", sign(machine, "skewed"))).ok:
            yield error(f"{machine.name} is 41 s ahead.")

    def noted(machine: Machine, name: str) -> Want:
        looks, deeds, broken = (sign(machine, f"{name}.{what}") for what in ("looks", "deeds", "broken"))
        seen = sh("echo look >> {}; test -s {}", looks, deeds)
        return command(f"{name} is done", sh("test ! -e {} && echo deed >> {}", broken, deeds), unless=seen)

    @step("os/swap", on="all", register=register)
    def first(machine: Machine, cluster: Machines) -> Iterator[Want]:
        """Do the first thing"""
        yield noted(machine, "first")

    @step("kubernetes/join", on="all", needs_all=("os/swap",), register=register)
    def second(machine: Machine, cluster: Machines) -> Iterator[Want]:
        """Do the second thing"""
        yield noted(machine, "second")

    @step("finish/ready", on="all", needs_all=("kubernetes/join",), register=register)
    def third(machine: Machine, cluster: Machines) -> Iterator[Want]:
        """Do the third thing"""
        yield noted(machine, "third")

    here = {*register.steps, *(f"precheck/{name}" for name in checks.checks)}
    return execute_plan(
        make_plan(task.document, THREE_STEPS, steps=register, checks=checks, only=here & {*task.only}),
        document=task.document,
        open_host=lambda spec: SshHost(target_of(spec), task.known),
        source=None,  # type: ignore[arg-type]  # no step takes a file
        sink=sink,
        cancel=cancel,
        waivers=task.waivers,
    )


def talkative(task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """Each machine prints the content of the file "output"."""
    register = Register()

    @step("first/talk", on="all", register=register)
    def talk(machine: Machine, cluster: Machines) -> Iterator[Want]:
        """Print whatever there is to print"""
        machine.do(sh("cat {}", sign(machine, "output")))
        yield from ()

    return play(register, task, sink, cancel)


def ticking(task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """A command that prints ten lines a second for SCENE_SECONDS, and is looked for before it is begun again."""
    register = Register()
    seconds = int(os.environ.get("SCENE_SECONDS", "20"))

    @step("first/tick", on="all", timeout=600, register=register)
    def tick(machine: Machine, cluster: Machines) -> Iterator[Want]:
        """Print a number ten times a second"""
        done = sign(machine, "done")
        loop = sh("for i in $(seq {}); do echo tick $i; sleep 0.1; done; touch {}", seconds * 10, done)
        yield command("all was counted", loop, unless=sh("test -e {}", done))

    return play(register, task, sink, cancel)

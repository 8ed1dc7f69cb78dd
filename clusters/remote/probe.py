"""The connection test: is the machine reachable, is it the right one, can we log in and become root, and what is it?"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from clusters.errors import RemoteError
from clusters.remote.auth.host_keys import HostKeyChanged, HostKeyUnknown, PinnedKey
from clusters.remote.facts import MachineFacts, read_facts
from clusters.remote.session.envelope import Become
from clusters.remote.ssh import SshHost

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.remote.auth.host_keys import KnownKeys
    from clusters.remote.target import Target

State = Literal["running", "ok", "failed", "ask", "skipped"]
STAGES = ("reach", "hostkey", "login", "sudo", "facts")
JUMP = "jump"
"""The stage before these for a machine behind a jump host: is the jump host reachable and known, does it forward?"""
_ROOT_BY = {
    Become.NOBODY_ELSE: "logged in as root",
    Become.FREELY: "root by sudo, without a password",
    Become.BY_PASSWORD: "root by sudo, with the password",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the test. `data` is plain JSON: keys at `hostkey` and `jump`, the facts at `facts`."""

    name: str
    state: State
    message: str = ""
    hint: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """How far a connection test got. `offered` is the key that a person must accept, or that has changed."""

    stages: tuple[Stage, ...]
    facts: MachineFacts | None = None
    offered: PinnedKey | None = None
    error: RemoteError | None = None

    @property
    def ok(self) -> bool:
        """Whether the machine can be used."""
        return all(stage.state == "ok" for stage in self.stages)

    @property
    def state(self) -> State:
        """`ok`, `ask` when a person has to accept the host key, or `failed`."""
        if self.ok:
            return "ok"
        return "ask" if any(stage.state == "ask" for stage in self.stages) else "failed"


class _Ladder:
    """Goes through the stages and reports every change."""

    def __init__(self, stages: tuple[str, ...], on_stage: Callable[[Stage], None]) -> None:
        self._stages = stages
        self._report = on_stage
        self.done: list[Stage] = []
        self._enter()

    def pass_stage(self, name: str, message: str = "", data: dict[str, Any] | None = None) -> None:
        """A stage succeeded; the next one begins."""
        if name in (stage.name for stage in self.done):
            return
        self._end(Stage(name, "ok", message, data=data or {}))
        self._enter()

    def stop(self, error: RemoteError) -> None:
        """The current stage failed; those after it are skipped."""
        state: State = "failed"
        data: dict[str, Any] = {"error": type(error).__name__}
        if isinstance(error, HostKeyUnknown | HostKeyChanged):
            data["offered"] = asdict(error.offered)
            if self._stages[len(self.done)] == JUMP:
                data["offered"] |= {"address": error.address, "port": error.port}
            else:
                self.pass_stage("reach")
        if isinstance(error, HostKeyUnknown):
            state = "ask"
        if isinstance(error, HostKeyChanged):
            data["pinned"] = asdict(error.pinned)
        self._end(Stage(self._stages[len(self.done)], state, error.message, error.hint, data))
        for name in self._stages[len(self.done) :]:
            self._end(Stage(name, "skipped"))

    def _enter(self) -> None:
        if len(self.done) < len(self._stages):
            self._report(Stage(self._stages[len(self.done)], "running"))

    def _end(self, stage: Stage) -> None:
        self.done.append(stage)
        self._report(stage)


def probe(target: Target, known: KnownKeys, on_stage: Callable[[Stage], None] = lambda stage: None) -> ProbeReport:
    """Test a machine over one connection; reports each stage as it begins and ends.

    Never raises RemoteError: the report contains what went wrong.
    """
    ladder = _Ladder(STAGES if target.via is None else (JUMP, *STAGES), on_stage)
    host = SshHost(target, known)
    facts: MachineFacts | None = None
    try:
        noise = host.connect(lambda stage: ladder.pass_stage(stage, _passed_words(stage, target)))
        ladder.pass_stage("login", _login_words(target, noise), {"noise": noise[:2000]})
        become = host.become_root()
        ladder.pass_stage("sudo", _ROOT_BY[become], {"way": become.name})
        facts = read_facts(host)
        ladder.pass_stage("facts", _facts_words(facts), asdict(facts))
    except RemoteError as error:
        ladder.stop(error)
        offered = error.offered if isinstance(error, HostKeyUnknown | HostKeyChanged) else None
        return ProbeReport(tuple(ladder.done), facts, offered, error)
    finally:
        host.close()
    return ProbeReport(tuple(ladder.done), facts)


def _passed_words(stage: str, target: Target) -> str:
    if stage == JUMP:
        return f"through {_route(target)}"
    if stage == "reach":
        return f"{target.address}:{target.port} answers with SSH"
    return "its key is the accepted one"


def _route(target: Target) -> str:
    """The jump hosts in front of a target, the outermost first."""
    if target.via is None:
        return ""
    hop = target.via
    before = _route(hop)
    return f"{before} → {hop.user}@{hop.address}:{hop.port}" if before else f"{hop.user}@{hop.address}:{hop.port}"


def _login_words(target: Target, noise: str) -> str:
    if noise.strip():
        return f"logged in as {target.user}; its shell profile prints text before every command"
    return f"logged in as {target.user}"


def _facts_words(facts: MachineFacts) -> str:
    return f"{facts.os_name or 'Linux'}, {facts.arch}, {facts.cpus} CPUs, {facts.memory_mb / 1024:.1f} GiB"

"""Ways: the jump hosts before the machines as the connection page draws them, each with its state said once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clusters.config.jump_hosts import reached, way_to
from clusters.errors import ConfigError
from clusters.numbers import whole_number
from clusters.remote.probe import JUMP

if TYPE_CHECKING:
    from clusters.config.jump_hosts import Hop
    from clusters.config.schema import Document, Host
    from clusters.selectors import ProbeView

_WORST_FIRST = ("running", "failed", "ask", "waiting", "ok")
"""Which state counts for a way when its machines' tests differ."""


@dataclass
class Way:
    """One way through jump hosts. `hosts` are all machines behind it, `stopped` those whose test ended there.

    `said` are the stages that want words, each once; `asking` are the machines at whose tests the key in `offered` was
    shown, which may be those of another way with the same jump host; `changed` says that it is another than before.
    """

    hops: tuple[Hop, ...]
    hosts: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    state: str = "untested"
    offered: dict[str, Any] = field(default_factory=dict)
    pinned: str = ""
    asking: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether a jump host shows another key than the one that was accepted."""
        return bool(self.offered) and self.state == "failed"

    @property
    def name(self) -> str:
        """The hops in words, the first that is passed first."""
        return ", ".join(str(hop) for hop in self.hops)

    @property
    def drawn(self) -> list[tuple[Hop, str]]:
        """Every hop with its state: those before the one that stands in the way let us through."""
        if self.state not in ("failed", "ask"):
            return [(hop, self.state) for hop in self.hops]
        told = f"{self.place} {' '.join(stage['message'] for stage in self.said)}"
        at = next((number for number, hop in enumerate(self.hops) if hop.place in told), len(self.hops) - 1)
        states = ["ok"] * at + [self.state] + ["skipped"] * (len(self.hops) - at - 1)
        return list(zip(self.hops, states, strict=True))

    @property
    def place(self) -> str:
        """Where the key was shown."""
        return f"{self.offered.get('address')}:{self.offered.get('port')}" if self.offered else ""


def jump_stage(probe: ProbeView) -> dict[str, Any]:
    """The stage of the jump host in a machine's test; empty when it has none."""
    return next((stage for stage in probe.stages if stage["name"] == JUMP), {})


def stopped_there(probe: ProbeView) -> bool:
    """Whether the test ended at a jump host, so that nothing is known of the machine."""
    return jump_stage(probe).get("state") in ("failed", "ask")


def ways(document: Document, probes: list[ProbeView]) -> list[Way]:
    """Every way through jump hosts, in the order of the machines."""
    found: dict[tuple[Hop, ...], Way] = {}
    hosts = {host.name: host for host in reversed(document.hosts)}
    for probe in probes:
        host = hosts.get(probe.host)
        hops = _hops(document, host) if host is not None else ()
        if hops:
            _take(found.setdefault(hops, Way(hops)), probe)
    for way in found.values():
        way.asking = [probe.host for probe in probes if way.offered and _shown(probe) == _place(way.offered)]
    return list(found.values())


def _hops(document: Document, host: Host) -> tuple[Hop, ...]:
    try:
        return way_to(reached(document, host))
    except ConfigError:
        return ()  # the machines page says what is wrong with it


def _take(way: Way, probe: ProbeView) -> None:
    way.hosts.append(probe.host)
    stage = jump_stage(probe)
    if not stage or (probe.stale and probe.over) or probe.state == "untested":
        return
    state = stage["state"]
    if way.state == "untested" or _WORST_FIRST.index(state) < _WORST_FIRST.index(way.state):
        way.state = state
    if not stopped_there(probe):
        return
    way.stopped.append(probe.host)
    if stage["message"] not in [each["message"] for each in way.said]:
        way.said.append(stage)
    if probe.offered and not way.offered:
        way.offered, way.pinned = probe.offered, probe.pinned


def _shown(probe: ProbeView) -> tuple[str, int] | None:
    return _place(probe.offered) if stopped_there(probe) and probe.offered and not probe.stale else None


def _place(offered: dict[str, Any]) -> tuple[str, int]:
    return str(offered.get("address")), whole_number(str(offered.get("port") or 0)) or 0

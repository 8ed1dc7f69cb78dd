"""Routes through jump hosts as the connection page draws them, each with its state once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clusters.config.jump_hosts import reached, route_to
from clusters.errors import ConfigError
from clusters.numbers import whole_number
from clusters.remote.probe import JUMP

if TYPE_CHECKING:
    from clusters.config.jump_hosts import Hop
    from clusters.config.schema import Document, Host
    from clusters.selectors import ProbeView

_WORST_FIRST = ("running", "failed", "ask", "waiting", "ok")
"""Which state a route gets when its machines' tests differ."""


@dataclass
class Route:
    """One route through jump hosts. `hosts` are all machines behind it, `stopped` those whose test ended there.

    `stages` are the stages with a message to show, each once; `asking` are the machines whose tests got the key in
    `offered`, possibly on another route with the same jump host; `changed`: this key is not the accepted one.
    """

    hops: tuple[Hop, ...]
    hosts: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    stages: list[dict[str, Any]] = field(default_factory=list)
    state: str = "untested"
    offered: dict[str, Any] = field(default_factory=dict)
    pinned: str = ""
    asking: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether a jump host presents a key other than the accepted one."""
        return bool(self.offered) and self.state == "failed"

    @property
    def name(self) -> str:
        """The hops as text, in the order in which they are passed."""
        return ", ".join(str(hop) for hop in self.hops)

    @property
    def drawn(self) -> list[tuple[Hop, str]]:
        """Every hop with its state; hops before the failing one are ok."""
        if self.state not in ("failed", "ask"):
            return [(hop, self.state) for hop in self.hops]
        texts = f"{self.place} {' '.join(stage['message'] for stage in self.stages)}"
        at = next((number for number, hop in enumerate(self.hops) if hop.place in texts), len(self.hops) - 1)
        states = ["ok"] * at + [self.state] + ["skipped"] * (len(self.hops) - at - 1)
        return list(zip(self.hops, states, strict=True))

    @property
    def place(self) -> str:
        """The address and port that presented the key."""
        return f"{self.offered.get('address')}:{self.offered.get('port')}" if self.offered else ""


def jump_stage(probe: ProbeView) -> dict[str, Any]:
    """The stage of the jump host in a machine's test; empty when it has none."""
    return next((stage for stage in probe.stages if stage["name"] == JUMP), {})


def stopped_there(probe: ProbeView) -> bool:
    """Whether the test ended at a jump host, so that nothing is known about the machine."""
    return jump_stage(probe).get("state") in ("failed", "ask")


def jump_routes(document: Document, probes: list[ProbeView]) -> list[Route]:
    """Every route through jump hosts, in the order of the machines."""
    found: dict[tuple[Hop, ...], Route] = {}
    hosts = {host.name: host for host in reversed(document.hosts)}
    for probe in probes:
        host = hosts.get(probe.host)
        hops = _hops(document, host) if host is not None else ()
        if hops:
            _add(found.setdefault(hops, Route(hops)), probe)
    for route in found.values():
        route.asking = [
            probe.host for probe in probes if route.offered and _offered_place(probe) == _place(route.offered)
        ]
    return list(found.values())


def _hops(document: Document, host: Host) -> tuple[Hop, ...]:
    try:
        return route_to(reached(document, host))
    except ConfigError:
        return ()  # the machines page reports this error


def _add(route: Route, probe: ProbeView) -> None:
    route.hosts.append(probe.host)
    stage = jump_stage(probe)
    if not stage or (probe.stale and probe.over) or probe.state == "untested":
        return
    state = stage["state"]
    if route.state == "untested" or _WORST_FIRST.index(state) < _WORST_FIRST.index(route.state):
        route.state = state
    if not stopped_there(probe):
        return
    route.stopped.append(probe.host)
    if stage["message"] not in [each["message"] for each in route.stages]:
        route.stages.append(stage)
    if probe.offered and not route.offered:
        route.offered, route.pinned = probe.offered, probe.pinned


def _offered_place(probe: ProbeView) -> tuple[str, int] | None:
    return _place(probe.offered) if stopped_there(probe) and probe.offered and not probe.stale else None


def _place(offered: dict[str, Any]) -> tuple[str, int]:
    return str(offered.get("address")), whole_number(str(offered.get("port") or 0)) or 0

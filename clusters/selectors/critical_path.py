"""Dependencies between the steps of a run: when steps can end, and which of them determined the duration."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Node = tuple[str, str]
"""A step's path and a machine's name."""


class Graph:
    """The plan of a run with its machines. `rows` are `Run.plan`, `hosts` the machines of each step, in order.

    Steps are processed in reading order: the steps that a step waits for come before it.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], hosts: Mapping[str, Sequence[str]]) -> None:
        self.rows = [row for row in rows if row["path"] in hosts]
        self.hosts = hosts
        self._gates = [row["path"] for row in self.rows if row["gate"]]
        self._places = {path: {host: place for place, host in enumerate(names)} for path, names in hosts.items()}

    def finishes(self, seconds: Callable[[Node], float]) -> dict[Node, float]:
        """When each node ends, in seconds from now, if each takes that long and starts as soon as possible."""
        over: dict[Node, float] = {}
        whole: dict[str, float] = defaultdict(float)
        gate = 0.0
        for row in self.rows:
            path = row["path"]
            floor = max([whole[need] for need in row["needs_all"]] + ([] if row["gate"] else [gate]), default=0.0)
            before = 0.0
            for host in self.hosts[path]:
                start = max([floor, before, *(over.get((need, host), 0.0) for need in row["needs"])])
                over[(path, host)] = start + seconds((path, host))
                if row["serial"]:
                    before = over[(path, host)]
                whole[path] = max(whole[path], over[(path, host)])
            if row["gate"]:
                gate = max(gate, whole[path])
        return over

    def reasons(self, ended: Mapping[Node, float]) -> dict[Node, Node]:
        """For each node the one that it waited for: of all its needs, the one that ended last."""
        latest: dict[str, Node] = {}
        for node, at in ended.items():
            if node[0] not in latest or at > ended[latest[node[0]]]:
                latest[node[0]] = node
        gates = [latest[path] for path in self._gates if path in latest]
        found: dict[Node, Node] = {}
        for row in self.rows:
            shared = [latest[need] for need in row["needs_all"] if need in latest] + ([] if row["gate"] else gates)
            for host in self.hosts[row["path"]]:
                needs = shared + [(need, host) for need in row["needs"] if (need, host) in ended]
                if row["serial"] and (place := self._places[row["path"]][host]):
                    needs = [*needs, (row["path"], self.hosts[row["path"]][place - 1])]
                needs = [need for need in needs if need in ended]
                if needs:
                    found[(row["path"], host)] = max(needs, key=lambda need: ended[need])
        return found

    def critical(self, ended: Mapping[Node, float]) -> list[Node]:
        """The chain of nodes that determined the end of the run, first to last; empty without known dependencies."""
        if not ended or not self.rows:
            return []
        reasons = self.reasons(ended)
        chain = [max(ended, key=lambda node: ended[node])]
        while (before := reasons.get(chain[-1])) is not None and before not in chain:
            chain.append(before)
        return chain[::-1]

"""connection_times(): how long TCP connections from one machine to others take, tried several times in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.numbers import whole_number
from clusters.remote.shell import sh, words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from clusters.engine.machine import Machine
    from clusters.remote.shell import Command

RETRIED_MS = 900.0
"""A longer time is not a round trip: after a second the kernel retries, also after a firewall's reply."""

_SCRIPT = r"""
now() { if [ -n "$EPOCHREALTIME" ]; then at=${EPOCHREALTIME/[.,]/}; else at=$(($(date +%s%N) / 1000)); fi; }
try=0
while [ $try -lt $2 ]; do
  now; began=$at
  true 3<>"/dev/tcp/${1%/*}/${1##*/}"
  now; echo "$1 $((at - began))"
  try=$((try + 1))
done
"""
"""Prints how many microseconds a connection or its refusal takes: both are one packet in each direction."""


def connection_times(machine: Machine, places: Collection[str], *, tries: int, seconds: int) -> dict[str, list[float]]:
    """Each `address/port` -> the milliseconds of its tries, without those that did not end within `seconds`."""
    found: dict[str, list[float]] = {}
    for line in machine.ask(connecting(places, tries=tries, seconds=seconds)).stdout.splitlines():
        place, _, micros = line.partition(" ")
        microseconds = whole_number(micros)
        if place in places and microseconds is not None:
            found.setdefault(place, []).append(microseconds / 1000)
    return found


def connecting(places: Iterable[str], *, tries: int, seconds: int) -> Command:
    """Try all of them at once, each several times."""
    script = "for each in {}; do timeout {} bash -c {} bash $each {} 2>/dev/null & done; wait; exit 0"
    return sh(script, words(places), seconds, _SCRIPT, tries)

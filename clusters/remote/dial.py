"""Dialling: whether TCP connections from one machine get through to others, tried from there with what bash brings.

A port on which nothing listens yet answers too: *refused* (RST) says that the way is open, just as a connection does.
Silence, "No route to host" and the like say that something between drops or rejects. Nothing is left on any machine.
One disguise is seen through: a firewall's bare REJECT sends ICMP "port unreachable", which a program is told of as
refused too; the machine counts such messages, so a refusal that came with one is `prohibited`. A firewall that sends
RST itself (`tcp-reset`) cannot be told from a closed port.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from clusters.remote.shell import Command, sh, words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

AT_ONCE = 128
"""Connections tried at the same time; each is a process for as long as it takes."""

MOST = 1024
"""What one command tries; with everything silent it lasts MOST / AT_ONCE * PATIENCE seconds."""

PATIENCE = 3
"""Seconds until silence counts as no answer: the kernel has asked a second time by then."""


class Answer(StrEnum):
    """How an attempt ended."""

    CONNECTED = "connected"
    REFUSED = "refused"
    SILENT = "silent"
    PROHIBITED = "prohibited"
    """A firewall or router answered instead: "No route to host" and the like."""
    UNKNOWN_NAME = "unknown name"
    UNTRIED = "untried"

    @property
    def through(self) -> bool:
        """Whether the packets got there and back."""
        return self in (Answer.CONNECTED, Answer.REFUSED)


@dataclass(frozen=True, slots=True)
class Dial:
    """An attempt. `said` is the machine's own word for how it ended."""

    address: str
    port: int
    answer: Answer
    said: str = ""

    def told(self, seconds: int = PATIENCE) -> str:
        """How it ended, for people."""
        return {
            Answer.CONNECTED: "connected",
            Answer.REFUSED: "refused: nothing listens there",
            Answer.SILENT: f"timed out after {seconds} s",
            Answer.UNKNOWN_NAME: "its name cannot be resolved",
            Answer.UNTRIED: "not tried",
        }.get(self.answer, self.said)


REJECTED = "rejected by a firewall (ICMP port unreachable)"

_SCRIPT = r"""
limit=$1 many=$2
shift 2
count() {
  awk '$1=="Icmp:" { if (!at) { for (i=2; i<=NF; i++) if ($i=="InDestUnreachs") at=i } else { sum+=$at; at=0 } }
       $1=="Icmp6InDestUnreachs" { sum+=$2 } END { print sum+0 }' /proc/net/snmp /proc/net/snmp6 2>/dev/null
}
attempt() {
  said=$( { exec 3<>"/dev/tcp/${1%/*}/${1##*/}"; } 2>&1 ) && said=connected
  echo "$1 ${said//$'\n'/ }"
}
export -f attempt
before=$(count)
answers=$(while [ $# -gt 0 ]; do
  timeout "$limit" bash -c 'for each; do attempt "$each" & done; wait' bash "${@:1:many}"
  shift $(($# < many ? $# : many))
done)
printf '%s\n' "$answers"
[ "$(count)" = "$before" ] && exit 0
printf '%s\n' "$answers" | while read -r each said; do
  case $said in
    *refused) [ $SECONDS -gt 40 ] && break
      before=$(count)
      timeout "$limit" bash -c 'attempt "$1"' bash "$each" >/dev/null
      [ "$(count)" = "$before" ] || echo "$each by-icmp" ;;
  esac
done
"""


def dial_command(places: Iterable[tuple[str, int]], *, seconds: int = PATIENCE) -> Command:
    """Try these addresses (or names) and ports, at most MOST of them, `seconds` for each."""
    named = words(f"{address}/{port}" for address, port in list(dict.fromkeys(places))[:MOST])
    return sh(
        "command -v bash >/dev/null && command -v timeout >/dev/null || {{ echo no-bash; exit 0; }}\n"
        "bash -c {} bash {} {} {}",
        _SCRIPT,
        seconds,
        AT_ONCE,
        named,
    )


def read_dials(text: str, places: Collection[tuple[str, int]]) -> tuple[Dial, ...] | None:
    """How each attempt ended, in the order of `places`; None where the machine has nothing to try with."""
    if text.strip() == "no-bash" or ("/dev/tcp/" in text and "No such file or directory" in text):
        return None
    said: dict[str, str] = {}
    for line in text.splitlines():
        place, _, how = line.strip().partition(" ")
        said[place] = REJECTED if how == "by-icmp" else how
    wanted = list(dict.fromkeys(places))
    return tuple(
        _read(address, port, said.get(f"{address}/{port}"), tried=number < MOST)
        for number, (address, port) in enumerate(wanted)
    )


def _read(address: str, port: int, said: str | None, *, tried: bool) -> Dial:
    if not tried:
        return Dial(address, port, Answer.UNTRIED)
    if not said:
        return Dial(address, port, Answer.SILENT)
    if said == "connected":
        return Dial(address, port, Answer.CONNECTED)
    # Of bash's complaints (`bash: connect: No route to host bash: /dev/tcp/…: No route to host`) the last part.
    why = said.rpartition(": ")[2].strip()
    if re.search(r"not known|failure in name resolution|No address associated", said):
        return Dial(address, port, Answer.UNKNOWN_NAME, why)
    answer = {"Connection refused": Answer.REFUSED, "Connection timed out": Answer.SILENT}.get(why, Answer.PROHIBITED)
    return Dial(address, port, answer, why)

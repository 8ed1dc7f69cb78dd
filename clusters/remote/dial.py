"""Dialing: whether TCP connections from one machine reach others, tested from that machine with bash alone.

A port on which nothing listens yet answers too: *refused* (RST) shows that the route is open, as a connection does.
Silence, "No route to host" and the like show that something on the route drops or rejects packets. Nothing is left on
any machine. A firewall's plain REJECT sends ICMP "port unreachable", which a program also sees as refused; the machine
counts such messages, so a refusal that came with one is `prohibited`. A firewall that sends RST itself (`tcp-reset`)
cannot be distinguished from a closed port.
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
"""Connections tried at the same time; each one is a process."""

MOST = 1024
"""Connections that one command tries; when nothing answers it takes MOST / AT_ONCE * DIAL_SECONDS seconds."""

DIAL_SECONDS = 3
"""Seconds until silence counts as no answer: by then the kernel has sent a second SYN."""


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
        """Whether packets arrived and an answer came back."""
        return self in (Answer.CONNECTED, Answer.REFUSED)


@dataclass(frozen=True, slots=True)
class Dial:
    """An attempt. `detail` is the machine's own message on how it ended."""

    address: str
    port: int
    answer: Answer
    detail: str = ""

    def describe(self, seconds: int = DIAL_SECONDS) -> str:
        """How it ended, for people."""
        return {
            Answer.CONNECTED: "connected",
            Answer.REFUSED: "refused: nothing listens there",
            Answer.SILENT: f"timed out after {seconds} s",
            Answer.UNKNOWN_NAME: "its name cannot be resolved",
            Answer.UNTRIED: "not tried",
        }.get(self.answer, self.detail)


REJECTED = "rejected by a firewall (ICMP port unreachable)"

_SCRIPT = r"""
limit=$1 many=$2
shift 2
count() {
  awk '$1=="Icmp:" { if (!at) { for (i=2; i<=NF; i++) if ($i=="InDestUnreachs") at=i } else { sum+=$at; at=0 } }
       $1=="Icmp6InDestUnreachs" { sum+=$2 } END { print sum+0 }' /proc/net/snmp /proc/net/snmp6 2>/dev/null
}
attempt() {
  result=$( { exec 3<>"/dev/tcp/${1%/*}/${1##*/}"; } 2>&1 ) && result=connected
  echo "$1 ${result//$'\n'/ }"
}
export -f attempt
before=$(count)
answers=$(while [ $# -gt 0 ]; do
  timeout "$limit" bash -c 'for each; do attempt "$each" & done; wait' bash "${@:1:many}"
  shift $(($# < many ? $# : many))
done)
printf '%s\n' "$answers"
[ "$(count)" = "$before" ] && exit 0
printf '%s\n' "$answers" | while read -r each result; do
  case $result in
    *refused) [ $SECONDS -gt 40 ] && break
      before=$(count)
      timeout "$limit" bash -c 'attempt "$1"' bash "$each" >/dev/null
      [ "$(count)" = "$before" ] || echo "$each by-icmp" ;;
  esac
done
"""


def dial_command(places: Iterable[tuple[str, int]], *, seconds: int = DIAL_SECONDS) -> Command:
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
    """How each attempt ended, in the order of `places`; None where the machine has no tool for it."""
    if text.strip() == "no-bash" or ("/dev/tcp/" in text and "No such file or directory" in text):
        return None
    results: dict[str, str] = {}
    for line in text.splitlines():
        place, _, how = line.strip().partition(" ")
        results[place] = REJECTED if how == "by-icmp" else how
    wanted = list(dict.fromkeys(places))
    return tuple(
        _read(address, port, results.get(f"{address}/{port}"), tried=number < MOST)
        for number, (address, port) in enumerate(wanted)
    )


def _read(address: str, port: int, result: str | None, *, tried: bool) -> Dial:
    if not tried:
        return Dial(address, port, Answer.UNTRIED)
    if not result:
        return Dial(address, port, Answer.SILENT)
    if result == "connected":
        return Dial(address, port, Answer.CONNECTED)
    # The last part of bash's messages (`bash: connect: No route to host bash: /dev/tcp/…: No route to host`).
    why = result.rpartition(": ")[2].strip()
    if re.search(r"not known|failure in name resolution|No address associated", result):
        return Dial(address, port, Answer.UNKNOWN_NAME, why)
    answer = {"Connection refused": Answer.REFUSED, "Connection timed out": Answer.SILENT}.get(why, Answer.PROHIBITED)
    return Dial(address, port, answer, why)

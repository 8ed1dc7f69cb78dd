"""Asks kubelets which feature gates they take; prints config/component_settings/feature_gate_lists.py from the answers.

A kubelet reads its feature gates before its configuration: one that finds no configuration names a gate that it
refuses, and ends. Components share the list: the API servers of the same three versions gave the same answers.

    python -m tests.config.askgates KUBELET... > new && mv new clusters/config/component_settings/feature_gate_lists.py

`--help` names gates that are alpha, beta or deprecated. Of finished ones only those are asked for that gates.py names.
"""

from __future__ import annotations

import re
import subprocess
import sys
from textwrap import fill

from clusters.config.component_settings import feature_gates

_SECONDS = 60
_IN_HELP = re.compile(r"(?:kube:)?([A-Z][A-Za-z0-9]+)=true\|false")
_UNKNOWN = re.compile(r"unrecognized feature gate: (\w+)")
_LOCKED = re.compile(r"cannot set feature gate (\w+) to (?:true|false)")


def printed(kubelet: str, *arguments: str) -> str:
    """What the kubelet prints. It never starts, for want of a configuration."""
    command = (kubelet, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    return done.stdout + done.stderr


def accepted_gates(kubelet: str, names: set[str], value: str, refusal: re.Pattern[str]) -> set[str]:
    """Those of the gates that the kubelet does not refuse, in these words, with this value."""
    left = set(names)
    while True:
        switches = ",".join(f"{name}={value}" for name in sorted(left))
        refused = set(refusal.findall(printed(kubelet, "--config=/nonexistent", f"--feature-gates={switches}")))
        if not refused & left:
            return left
        left -= refused


def lists(what: str, explained: str, found: dict[int, set[str]]) -> str:
    """One of the module's values: minor -> names."""
    rows = (
        f'    {minor}: """\n'
        + fill(" ".join(sorted(names)), 116, initial_indent="    ", subsequent_indent="    ")
        + '\n    """,\n'
        for minor, names in sorted(found.items())
    )
    return f'\n{what} = {{\n{"".join(rows)}}}\n"""{explained}"""\n'


def main(kubelets: list[str]) -> None:
    """Prints the module."""
    texts = {kubelet: printed(kubelet, "--version").rpartition(" v")[2].strip() for kubelet in kubelets}
    asked = {
        name for kubelet in kubelets for name in _IN_HELP.findall(printed(kubelet, "--help"))
    } | feature_gates.LISTED
    known: dict[int, set[str]] = {}
    locked: tuple[dict[int, set[str]], dict[int, set[str]]] = ({}, {})
    for kubelet, text in texts.items():
        minor = int(text.split(".")[1])
        known[minor] = accepted_gates(kubelet, asked - feature_gates.OF_A_STAGE, "true", _UNKNOWN)
        for where, value in zip(locked, ("false", "true"), strict=True):
            where[minor] = known[minor] - accepted_gates(kubelet, known[minor], value, _LOCKED)
    print('"""The feature gates that three kubelets accept: for their minors, the list is complete.')
    source = f"Source: the kubelets of {', '.join(texts.values())}."
    print(f'\nPrinted by tests/config/askgates.py, not written by hand. {source}\n"""')
    print(lists("TAKEN", "Minor of Kubernetes 1 -> the feature gates that its components know.", known), end="")
    print(lists("LOCKED_ON", "Minor of Kubernetes 1 -> those that cannot be false.", locked[0]), end="")
    print(lists("LOCKED_OFF", "Minor of Kubernetes 1 -> those that cannot be true.", locked[1]), end="")


if __name__ == "__main__":
    main(sys.argv[1:])

"""The results of upstream's conformance tests, as the page docs/conformance.md."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conformance.selection import NOT_HERE
from tests.conformance.suite import PROCESSES, group_of
from tests.lab.progress import spell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.conformance.suite import Outcome
    from tests.ha.installed import Installed

PAGE = Path(__file__).resolve().parents[2] / "docs/conformance.md"
LONGEST_REASON = 300

HEAD = """# Upstream's conformance tests

Kubernetes has tests that every distribution must pass: those marked `[Conformance]`. Slipway installs one
control plane and two workers on the [lab](../tests/lab/README.md) in the normal way; then all of these tests run on it.
The run writes this page; do not edit it.

```
make conformance         # builds the lab if necessary, runs all tests and shows progress; writes this page
make conformance-smoke   # a tenth of the tests, in a few minutes; also part of `make test`
```
"""
IMAGES = """
## Programs and images of the tests

`e2e.test` and `ginkgo` are built from `k8s.io/kubernetes`, the same module as the cluster's programs.
Upstream's images are built here, from the same sources if there are any, and imported on every node;
tests that always pull an image get it from a registry on the lab.
"""

MADE_OF = {
    "agnhost": "upstream's program from the same module; its tools come from Debian 13, not Alpine",
    "kitten": "agnhost with upstream's files, and a text about Alpine Linux that a test looks for",
    "nautilus": "agnhost with upstream's files, and a text about Alpine Linux that a test looks for",
    "nonewprivs": "upstream's program and busybox",
    "sample-apiserver": "upstream's program in the cluster's version, under the tag that the tests use",
    "busybox": "Debian 13's busybox 1.37.0, the same version as upstream's; the shell in PATH is bash",
    "nonroot": "Debian 13's busybox 1.37.0, the same version as upstream's; the shell in PATH is bash",
    "nginx": "Debian 13's nginx 1.26, under the names of 1.27 and 1.28; no test depends on its version",
    "glibc-dns-testing": "Debian 13's bind9-dnsutils",
    "etcd": "the bundle's",
    "pause": "the bundle's",
}
"""The last part of an image's name -> the material that tests.lab.conformance makes it from."""
NO_RECIPE = "unknown; add it to MADE_OF in tests/conformance/report.py"


@dataclass(frozen=True, slots=True)
class Facts:
    """The tested versions, as the nodes themselves report them."""

    version: str
    runtime: str
    kernel: str
    proxy: str
    day: str


def facts(cluster: Installed) -> Facts:
    """Read them from the cluster."""
    info = cluster.kubectl_json("get", "nodes")["items"][0]["status"]["nodeInfo"]
    settings = cluster.kubectl_json("get", "configmap", "kube-proxy", "-n", "kube-system")["data"]["config.conf"]
    mode = re.search(r"^mode: (\S+)", settings, re.MULTILINE)
    return Facts(
        info["kubeletVersion"],
        info["containerRuntimeVersion"],
        info["kernelVersion"],
        mode[1].strip('"') if mode else "unknown",
        datetime.now(UTC).date().isoformat(),
    )


def page(outcomes: Sequence[Outcome], facts: Facts, seconds: float, loaded: Iterable[str]) -> str:
    """The whole page. Times are in seconds; `loaded` are the names of the images that were loaded on the nodes."""
    counts = Counter(outcome.state for outcome in outcomes)
    summary = f"""
## Kubernetes {facts.version}, {facts.day}

**{counts["passed"]} of {len(outcomes)} passed, {counts["failed"]} failed, {counts["skipped"]} were not run**,
in {spell(seconds)} with {PROCESSES} at a time and the serial ones last.
{facts.runtime}, kube-proxy in mode {facts.proxy}, Linux {facts.kernel}.
"""
    parts = [HEAD, summary, _groups(outcomes)]
    parts.append(_listed("Failed", (each for each in outcomes if each.state == "failed")))
    parts.append(_listed("Not run", (each for each in outcomes if each.state == "skipped")))
    return "\n".join(part.strip() + "\n" for part in [*parts, IMAGES + _images(loaded)] if part)


def _images(loaded: Iterable[str]) -> str:
    """The table of images: each name with its tags."""
    tags: dict[str, list[str]] = {}
    for ref in sorted(loaded):
        name, _, tag = ref.rpartition("/")[2].partition(":")
        tags.setdefault(name, []).append(tag)
    rows = [
        f"| {name} | {', '.join(sorted(each))} | {MADE_OF.get(name, NO_RECIPE)} |"
        for name, each in sorted(tags.items())
    ]
    return "\n".join(["| image | tags | material |", "| --- | --- | --- |", *rows])


def faults(text: str) -> list[str]:
    """Contradictions of a page; empty for a page that a run has written and nobody has edited."""
    counted = re.search(r"^\*\*(\d+) of (\d+) passed, (\d+) failed, (\d+) were not run\*\*", text, re.MULTILINE)
    if counted is None:
        return ["the page does not state how many tests passed"]
    passed, every, *others = map(int, counted.groups())
    found = [] if passed + sum(others) == every else [f"{passed} + {others[0]} + {others[1]} is not {every}"]
    rows = re.findall(r"^\| ([a-z][\w-]*) \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    if len({name for name, *_ in rows}) != len(rows):
        found.append("a group is in the table twice")
    for place, (title, number) in enumerate(zip(("passed", "Failed", "Not run"), (passed, *others), strict=True), 1):
        total = sum(int(row[place]) for row in rows)
        if total != number:
            found.append(f"{number} {title.lower()}, but the groups have {total}")
        if place > 1:
            groups = {row[0]: int(row[place]) for row in rows}
            found += _misnamed(title, _names_below(title, text), groups)
    return found


def _names_below(title: str, text: str) -> list[str]:
    section = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^\| (\[sig-.*?) \| ", section[1], re.MULTILINE) if section else []


def _misnamed(title: str, names: Sequence[str], groups: Mapping[str, int]) -> Iterator[str]:
    """Contradictions between the names in a list and the table of groups."""
    if len(set(names)) != len(names):
        yield f"a test is listed below {title} twice"
    listed = Counter(group_of(name) for name in names)
    for group in sorted({*groups, *listed}):
        if listed[group] != groups.get(group, 0):
            yield f"below {title} are {listed[group]} tests of {group}, the table has {groups.get(group, 0)}"


def _groups(outcomes: Iterable[Outcome]) -> str:
    by_group: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        by_group.setdefault(outcome.group, Counter())[outcome.state] += 1
    rows = [
        f"| {name} | {counts['passed']} | {counts['failed']} | {counts['skipped']} |"
        for name, counts in sorted(by_group.items())
    ]
    return "\n".join(["| tests of | passed | failed | not run |", "| --- | --- | --- | --- |", *rows])


def _listed(title: str, outcomes: Iterable[Outcome]) -> str:
    rows = [f"| {outcome.name} | {_reason(outcome)} |" for outcome in outcomes]
    if not rows:
        return ""
    return "\n".join([f"## {title}", "", "| test | reason |", "| --- | --- |", *rows])


def _reason(outcome: Outcome) -> str:
    why = next((reason for name, reason in NOT_HERE.items() if re.search(name, outcome.name)), "")
    text = " ".join((why or outcome.reason or "it gave none").split()).replace("|", "\\|")
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]} …"

"""What upstream's conformance tests said, as the page docs/conformance.md."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conformance.selection import NOT_HERE
from tests.conformance.suite import PROCESSES
from tests.lab.progress import spell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.conformance.suite import Outcome
    from tests.ha.installed import Installed

PAGE = Path(__file__).resolve().parents[2] / "docs/conformance.md"
LONGEST_REASON = 300

HEAD = """# Upstream's conformance tests

Kubernetes comes with tests that every distribution has to pass: those marked `[Conformance]`. Slipway installs one
control plane and two workers on the [lab](../tests/lab/README.md), as anybody would, and all of them are run on it.
This page is written by that run; nobody edits it.

```
make conformance         # the lab is built if need be; then all of them, with progress; writes this page
make conformance-smoke   # a tenth of them, in a few minutes; `make test` runs these, too
```
"""
IMAGES = """
## What the tests ran with

`e2e.test` and `ginkgo` are built from `k8s.io/kubernetes`, the module that the cluster's own programs are built from.
What upstream publishes as images is made here, of the same sources where there are any, and imported on every node;
tests that pull an image although it is there get it from a registry on the lab.

| image | made of |
| --- | --- |
| agnhost (two tags) | upstream's program of the same module; the tools beside it are Debian 13's, not Alpine's |
| kitten, nautilus | the same program with upstream's files, and a word on Alpine Linux where a test looks for one |
| nonewprivs | upstream's program, beside busybox |
| sample-apiserver | upstream's program of the cluster's own version, under the tag that the tests ask for |
| busybox, nonroot | Debian 13's busybox 1.37.0, the version that upstream uses; the shell found by PATH is bash |
| nginx (two versions) | Debian 13's nginx 1.26 under the names of 1.27 and 1.28; no test depends on its version |
| glibc-dns-testing | Debian 13's bind9-dnsutils |
| etcd, pause | the bundle's |
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was judged: as the nodes themselves say it."""

    version: str
    runtime: str
    kernel: str
    proxy: str
    day: str


def facts(cluster: Installed) -> Facts:
    """Read them from the cluster."""
    info = cluster.seen("get", "nodes")["items"][0]["status"]["nodeInfo"]
    settings = cluster.seen("get", "configmap", "kube-proxy", "-n", "kube-system")["data"]["config.conf"]
    mode = re.search(r"^mode: (\S+)", settings, re.MULTILINE)
    return Facts(
        info["kubeletVersion"],
        info["containerRuntimeVersion"],
        info["kernelVersion"],
        mode[1].strip('"') if mode else "not said",
        datetime.now(UTC).date().isoformat(),
    )


def page(outcomes: Sequence[Outcome], facts: Facts, seconds: float) -> str:
    """The whole page. Times are in seconds."""
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
    return "\n".join(part.strip() + "\n" for part in [*parts, IMAGES] if part)


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

"""os.cgroups: control groups are such as the kubelet takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.catalog.adapt import needs_cgroups_v1
from clusters.catalog.kubeadm.dialect import parsed
from clusters.config.syntax import switch_of
from clusters.engine.check import error, precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.sections.kubernetes import Kubernetes
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

FIELD, FLAG = "failCgroupV1", "fail-cgroupv1"
NEEDED = ("cpu", "cpuset", "memory", "pids")
"""What the kubelet and kubeadm's own check insist on, whatever the version of control groups."""


@precheck(
    "os.cgroups",
    on="kubernetes",
    fix="Boot with systemd.unified_cgroup_hierarchy=1 for version 2, and without cgroup_disable=… for a controller.",
)
def cgroups(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Control groups are there as the kubelet wants them"""
    version, kubernetes = machine.facts.cgroup_version, cluster.document.kubernetes
    if not version:
        yield error(f"{machine.name} has no control groups mounted below /sys/fs/cgroup.")
        return
    if needs_cgroups_v1(machine, cluster):
        yield _of_version_1(machine.name, kubernetes)
    if missing := [each for each in NEEDED if each not in machine.facts.cgroup_controllers]:
        yield error(f"{machine.name}'s kernel has the control group controllers {', '.join(missing)} switched off.")


def _of_version_1(name: str, kubernetes: Kubernetes) -> Finding:
    """Slipway has this Kubernetes take version 1, unless the document says that it must not."""
    said = _word_of_the_document(kubernetes)
    if said is not None and not said.allows:
        return error(
            f"{name} has control groups of version 1, and {said.text}; the kubelet of Kubernetes {kubernetes.version} "
            "does not start there.",
            hint=f"Boot with systemd.unified_cgroup_hierarchy=1, or take {said.name} out of {said.key}.",
        )
    allowed = "Slipway sets failCgroupV1: false" if said is None else f"Here {said.text}"
    return warning(
        f"{name} uses cgroup v1 (control groups of version 1), which Kubernetes 1.35 and newer refuse by default. "
        f"{allowed}, and Slipway makes kubeadm skip its SystemVerification check.",
        hint="This works up to Kubernetes 1.37; a later one may have no support for version 1 any more. Boot with "
        "systemd.unified_cgroup_hierarchy=1 to have version 2.",
    )


@dataclass(frozen=True, slots=True)
class _Word:
    """What the document says of version 1: in `key` under `name`, as a part of a sentence."""

    allows: bool
    key: str
    name: str
    text: str = field(repr=False)


def _word_of_the_document(kubernetes: Kubernetes) -> _Word | None:
    """The flag wins over the configuration, and null there takes Slipway's own setting away; None without either.

    Source: kubelet 1.36.3 and 1.37.2 --help, "--fail-cgroupv1 ... (default true)".
    """
    flag = parsed(kubernetes.kubelet_args).get(FLAG)
    if flag is not None:
        return _Word(switch_of(flag) is False, "kubeletArgs", FLAG, f"kubeletArgs say {FLAG}={flag}")
    if FIELD not in kubernetes.kubelet_configuration:
        return None
    value = kubernetes.kubelet_configuration[FIELD]
    says = f"kubeletConfiguration says {FIELD}: {'null' if value is None else str(value).lower()}"
    if value is None:
        says += ", which leaves the kubelet its default, true"
    return _Word(value is False, "kubeletConfiguration", FIELD, says)

"""os.kernel_*, os.cgroups: the kernel's version, modules and control groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.catalog.adapt import is_recent_for_nftables, needs_cgroups_v1, proxy_mode
from clusters.catalog.kubeadm.dialect import parsed
from clusters.catalog.steps.os.kernel import AT_LEAST, PROXY_MODULES, SETTINGS_FILE, modules_of, settings_of
from clusters.catalog.steps.os.swap import is_ours
from clusters.config.component_settings.proxy_mode import mode_in
from clusters.config.syntax import switch_of
from clusters.engine.check import error, precheck, warning
from clusters.engine.settings import overridden_settings, prevented_modules
from clusters.numbers import release_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.config.sections.kubernetes import Kubernetes
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


OLDEST_KERNEL = (4, 9)
"""KubeKey v4 asks for 4.9.17."""


@precheck("os.kernel_min", on="kubernetes", fix="Upgrade the kernel, then run the checks again.")
def kernel_min(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The kernel is new enough for containers"""
    numbers = release_of(machine.facts.kernel)
    if numbers and numbers < OLDEST_KERNEL:
        yield error(f"{machine.name} has kernel {machine.facts.kernel}, expected at least 4.9.")


@precheck("os.kernel_modules", on="kubernetes", fix="Install the kernel's module package, or load them on the host.")
def kernel_modules(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The kernel has the required modules"""
    missing = [name for name in modules_of(cluster) if machine.facts.module(name) == "missing"]
    if missing:
        for_proxy = PROXY_MODULES.get(proxy_mode(cluster), ())
        hint = "Or choose kube-proxy's mode iptables." if set(missing) & set(for_proxy) else ""
        yield error(f"{machine.name}'s kernel has no {', '.join(missing)}.", hint=hint)


@precheck(
    "os.boot_settings",
    on="kubernetes",
    when=is_ours,
    waivable=False,
    fix="Remove these lines from the named files: the cluster would work until the next reboot of the machine.",
)
def boot_settings(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """No file overrides the kernel settings at the next boot"""
    wrong = overridden_settings(machine, SETTINGS_FILE, settings_of(cluster), AT_LEAST)
    wrong += prevented_modules(machine, modules_of(cluster))
    if wrong:
        yield error(f"On {machine.name}, {'; '.join(wrong)}.")


def uses_nftables(document: Document) -> bool:
    """Whether the document selects kube-proxy's mode nftables. Without a choice, only recent kernels get it."""
    mode = mode_in(document)
    return mode is not None and mode.mode == "nftables" and not document.kubernetes.disable_kube_proxy


@precheck(
    "os.kernel_nftables",
    on="kubernetes",
    when=uses_nftables,
    fix="Upgrade the kernel, or choose kube-proxy's mode iptables.",
)
def kernel_nftables(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The kernel is new enough for kube-proxy's nftables"""
    if not is_recent_for_nftables(machine.facts.kernel):
        yield error(f"{machine.name} has kernel {machine.facts.kernel}; kube-proxy with nftables needs 5.13 or newer.")


CGROUP_FIELD, CGROUP_FLAG = "failCgroupV1", "fail-cgroupv1"
REQUIRED_CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
"""The kubelet and kubeadm's own check require these in both versions of control groups."""


@precheck(
    "os.cgroups",
    on="kubernetes",
    fix="Boot with systemd.unified_cgroup_hierarchy=1 for version 2, and without cgroup_disable=… for a controller.",
)
def cgroups(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Control groups meet the kubelet's requirements"""
    version, kubernetes = machine.facts.cgroup_version, cluster.document.kubernetes
    if not version:
        yield error(f"{machine.name} has no control groups mounted below /sys/fs/cgroup.")
        return
    if needs_cgroups_v1(machine, cluster):
        yield _cgroup_v1(machine.name, kubernetes)
    if missing := [each for each in REQUIRED_CONTROLLERS if each not in machine.facts.cgroup_controllers]:
        yield error(f"{machine.name}'s kernel has the control group controllers {', '.join(missing)} switched off.")


def _cgroup_v1(name: str, kubernetes: Kubernetes) -> Finding:
    """A warning, or an error where the document makes the kubelet refuse version 1."""
    setting = _cgroup_setting(kubernetes)
    if setting is not None and not setting.allows:
        return error(
            f"{name} has control groups of version 1, and {setting.text}; the kubelet of Kubernetes "
            f"{kubernetes.version} does not start there.",
            hint=f"Boot with systemd.unified_cgroup_hierarchy=1, or remove {setting.name} from {setting.key}.",
        )
    allowed = "Slipway sets failCgroupV1: false" if setting is None else f"In the document {setting.text}"
    return warning(
        f"{name} uses cgroup v1 (control groups of version 1), which Kubernetes 1.35 and newer refuse by default. "
        f"{allowed}, and Slipway makes kubeadm skip its SystemVerification check.",
        hint="This works up to Kubernetes 1.37; later releases may drop version 1. Boot with "
        "systemd.unified_cgroup_hierarchy=1 for version 2.",
    )


@dataclass(frozen=True, slots=True)
class _CgroupSetting:
    """The document's setting for version 1: `name` below `key`; `text` names both in a sentence."""

    allows: bool
    key: str
    name: str
    text: str = field(repr=False)


def _cgroup_setting(kubernetes: Kubernetes) -> _CgroupSetting | None:
    """The flag overrides the configuration; null there removes Slipway's own setting. None without either.

    Source: kubelet 1.36.3 and 1.37.2 --help, "--fail-cgroupv1 ... (default true)".
    """
    flag = parsed(kubernetes.kubelet_args).get(CGROUP_FLAG)
    if flag is not None:
        return _CgroupSetting(
            switch_of(flag) is False, "kubeletArgs", CGROUP_FLAG, f"kubeletArgs has {CGROUP_FLAG}={flag}"
        )
    if CGROUP_FIELD not in kubernetes.kubelet_configuration:
        return None
    value = kubernetes.kubelet_configuration[CGROUP_FIELD]
    text = f"kubeletConfiguration has {CGROUP_FIELD}: {'null' if value is None else str(value).lower()}"
    if value is None:
        text += ", which leaves the kubelet its default, true"
    return _CgroupSetting(value is False, "kubeletConfiguration", CGROUP_FIELD, text)

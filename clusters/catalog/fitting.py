"""Which release of a component fits a Kubernetes version: refused ones, untested ones, the best of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.catalog.components import version_for
from clusters.config import matrix, runtimes
from clusters.config.kubernetes_versions import parse_version
from clusters.config.plugins import series_of
from clusters.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.config.kubernetes_versions import Version
    from clusters.config.runtimes import Version as Release

_READ = ("etcd", *(each.name for each in runtimes.runtimes() if each.cri_v1))
"""Components whose version determines what Slipway writes for them, so that it must be readable."""


class NothingFits(SourceError):
    """The source has a component, and Kubernetes refuses every release of it that the source has."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a release fits a Kubernetes version: why it is refused, or why it may not work; both empty when it fits.

    Both are sentences without a period.
    """

    refused: str = ""
    doubt: str = ""


def fit_of(component: str, version: str, kubernetes_version: str) -> Fit:
    """How a release of a component fits a Kubernetes version. An unknown combination counts as fitting."""
    found = matrix.numbers(version)
    if found is None:
        return Fit(refused=f"{component} {version} is not a version like v1.2.3") if component in _READ else Fit()
    try:
        kubernetes = parse_version(kubernetes_version)
    except ConfigError:
        return Fit()
    if runtimes.runtime_called(component):
        return _of_a_runtime(component, version, found, kubernetes)
    if component == "etcd" and found < (oldest := matrix.oldest_etcd(kubernetes.minor, kubernetes.patch)):
        return Fit(refused=f"kubeadm {kubernetes} accepts etcd {matrix.dotted(oldest)} and newer, not {version}")
    minors = series_of(component, found)
    # The table begins with the oldest Kubernetes of KubeKey 4, which has no data on older ones.
    if minors is not None and not minors[0] <= max(kubernetes.minor, matrix.PLUGINS_SINCE) <= minors[1]:
        series = f"v1.{minors[0]} to v1.{minors[1]}"
        return Fit(doubt=f"{component} {version} is tested with Kubernetes {series}, not with {kubernetes}")
    return Fit()


def _of_a_runtime(name: str, version: str, found: Release, kubernetes: Version) -> Fit:
    if allowed := matrix.runtime_refused(name, found, kubernetes.minor):
        return Fit(refused=f"the kubelet of {kubernetes} supports {name} {allowed} only, not {version}")
    if allowed := matrix.runtime_untested(name, found, kubernetes.minor):
        return Fit(doubt=f"{name}'s project names {allowed} for Kubernetes {kubernetes}, not {version}")
    return Fit()


def best(component: str, versions: Iterable[str], kubernetes_version: str) -> str:
    """Of the releases that a source has, the one that fits a Kubernetes version best.

    That is the one Slipway uses from upstream (for etcd: the one kubeadm asks for), then the newest of the same series,
    then the newest that is tested with it, then the newest. Raises NothingFits where Kubernetes refuses all of them.
    """
    has = tuple(versions)
    try:
        preferred = matrix.numbers(version_for(component, kubernetes_version))
    except (ConfigError, SourceError):
        preferred = None

    def rank(version: str) -> tuple[bool, bool, bool, bool, Release, bool]:
        found, fit = matrix.numbers(version), fit_of(component, version, kubernetes_version)
        same = found is not None and preferred is not None and found[:2] == preferred[:2]
        whole = found is not None and found == preferred
        return not fit.refused, not fit.doubt, whole, same, found or (0, 0, 0), "-" not in version

    found = max(has, key=rank)
    if refused := fit_of(component, found, kubernetes_version).refused:
        raise NothingFits(
            f"The artifact source has {component} {', '.join(has)}: {refused}.",
            hint=f"Add a {component} that fits Kubernetes {kubernetes_version}, or choose another Kubernetes version.",
        )
    return found

"""Which release of each network plugin goes with which Kubernetes, and which plugins carry IPv4 and IPv6 together.

Nothing of this table was run on machines but `bridge`, which has no release. Sources, as of August 2026:

- from Kubernetes 1.23 on the ranges are those of KubeKey 4's `cluster_require` defaults (`matrix.PLUGINS`), narrowed
  so that each Kubernetes has one release; the patch is the last that was published of that series, but for Calico 3.27,
  where it is the one KubeKey 3.1 installs.
- Calico for 1.20 to 1.22: 3.24 says it is tested with 1.22 to 1.25 (its requirements page). It asks older API servers
  for nothing that they lack but `policy/v1`, which 1.20 gets as `policy/v1beta1`.
- Cilium for 1.20 to 1.22: the chart of 1.14 says `kubeVersion: >= 1.16.0-0`.
- Kube-OVN: the charts say `kubeVersion: >= 1.23.0-0` (1.13) and `>= 1.29.0-0` (1.15). There is none for older ones.
- Flannel: `Documentation/kube-flannel.yml` speaks of "Kubernetes v1.17+"; 0.27.4 is what KubeKey 4 installs.
- Hybridnet: the chart says `kubeVersion: >=1.16.0-0`; 0.6.8 (Hybridnet 0.8.8) is what KubeKey 4 installs. Its project
  has published nothing since 2024.
"""

from __future__ import annotations

from typing import NamedTuple

from clusters.config.versions import parse_version
from clusters.errors import ConfigError


class Release(NamedTuple):
    """A release with its leading v (of the chart, where there is one), and the minors of Kubernetes 1 it is for."""

    version: str
    oldest: int
    newest: int


RELEASES: dict[str, tuple[Release, ...]] = {
    "calico": (
        Release("v3.24.5", 20, 22),
        Release("v3.27.4", 23, 29),
        Release("v3.30.7", 30, 33),
        Release("v3.31.7", 34, 35),
        Release("v3.32.1", 36, 37),
    ),
    "flannel": (Release("v0.27.4", 20, 37),),
    "cilium": (
        Release("v1.14.19", 20, 27),
        Release("v1.15.19", 28, 29),
        Release("v1.17.18", 30, 32),
        Release("v1.19.6", 33, 34),
        Release("v1.20.0", 35, 37),
    ),
    "kubeovn": (Release("v1.13.15", 23, 28), Release("v1.15.24", 29, 37)),
    "hybridnet": (Release("v0.6.8", 20, 37),),
}
"""Plugin -> its releases."""

FLANNEL_CNI_PLUGIN = "v1.8.0-flannel1"
"""The release of flannel's CNI program that Flannel 0.27.4 names in its own manifest."""

DUAL_STACK = ("bridge", "calico", "flannel", "cilium", "kubeovn", "none")
"""Plugins that are set up for IPv4 and IPv6 when the document has both. Hybridnet's networks have one family each and a
pod gets one of them, unless it is annotated."""


def plugin_version(plugin: str, kubernetes_version: str) -> str:
    """The release of a plugin for a Kubernetes version. Raises ConfigError where there is none."""
    minor = parse_version(kubernetes_version).minor
    for release in RELEASES.get(plugin, ()):
        if release.oldest <= minor <= release.newest:
            return release.version
    raise ConfigError(
        f"There is no release of {plugin} for Kubernetes {kubernetes_version}.",
        hint=f"It is for {minors_of(plugin)}." if plugin in RELEASES else "It has no releases.",
    )


def minors_of(plugin: str) -> str:
    """`v1.23 to v1.37`: the Kubernetes versions that a plugin has a release for."""
    releases = RELEASES[plugin]
    return f"v1.{min(each.oldest for each in releases)} to v1.{max(each.newest for each in releases)}"

"""Network plugins as the document knows them: one file for each, which declares a record; found by walking the package.

No release was run on machines; `bridge`, which was, has none. Sources of the releases, as of August 2026: from
Kubernetes 1.23 on the ranges are those of KubeKey 4's `cluster_require` defaults (`series`), narrowed so that each
Kubernetes has one release; the patch is the last that was published of that series. Each plugin's file names what else
there is.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from clusters.config.versions import parse_version
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.config.rules.registry import Rule

KUBEKEY_1, KUBEKEY_3, KUBEKEY_4 = "v1alpha1", "v1alpha2", "v4"
"""The dialects of the document."""


class Release(NamedTuple):
    """A release with its leading v (of the chart, where there is one), and the minors of Kubernetes 1 it is for."""

    version: str
    oldest: int
    newest: int


@dataclass(frozen=True, slots=True)
class NetworkPlugin:
    """What a network plugin is to the document.

    `name` is its word in `spec.network.plugin`, `title` what people read, `place` where it stands in lists (in tens, so
    that there is room between two). `section` is the type of `spec.network.NAME`: a model of options, or a mapping for
    a chart's values. A plugin with `releases` runs in pods. `dual_stack`: whether it is set up for IPv4 and IPv6 when
    the document has both. `dialects` are those whose KubeKey knows it; `instead` is what to do in KubeKey 4, which has
    no place for its options. `series` are the oldest and newest minors of Kubernetes, by series of the plugin, of
    KubeKey 4's `cluster_require` defaults. `modules` are the kernel modules that it may want, whatever the options:
    every machine is asked for these. `rules` check the options. A plugin that is not `built` is refused; one that is
    not `installed` is left to the user.
    """

    name: str
    title: str
    place: int
    section: type[Any] | None = None
    releases: tuple[Release, ...] = ()
    dual_stack: bool = True
    dialects: tuple[str, ...] = ()
    instead: str = ""
    series: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    replaces_kube_proxy: bool = False
    rules: tuple[Rule, ...] = ()
    built: bool = True
    installed: bool = True

    @property
    def attribute(self) -> str:
        """Its name as Python writes it: that of its files, and of its field in `Network`."""
        return self.name.replace("-", "_")


@cache
def plugins() -> tuple[NetworkPlugin, ...]:
    """All of them, as they are listed for people."""
    found = [importlib.import_module(f"{__name__}.{each.name}").PLUGIN for each in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda each: each.place))


def names() -> tuple[str, ...]:
    """Their words in the document."""
    return tuple(each.name for each in plugins())


def plugin_of(name: str) -> NetworkPlugin | None:
    """The plugin of that name; None where there is none."""
    return next((each for each in plugins() if each.name == name), None)


def is_left_to_the_user(name: str) -> bool:
    """Whether Slipway installs no plugin, because the user does."""
    found = plugin_of(name)
    return found is not None and not found.installed


def releases_of(name: str) -> tuple[Release, ...]:
    """The releases of a plugin; none for one that does not run in pods, and for what is no plugin."""
    found = plugin_of(name)
    return found.releases if found else ()


def plugin_version(plugin: str, kubernetes_version: str) -> str:
    """The release of a plugin for a Kubernetes version. Raises ConfigError where there is none."""
    minor = parse_version(kubernetes_version).minor
    for release in releases_of(plugin):
        if release.oldest <= minor <= release.newest:
            return release.version
    raise ConfigError(
        f"There is no release of {plugin} for Kubernetes {kubernetes_version}.",
        hint=f"It is for {minors_of(plugin)}." if releases_of(plugin) else "It has no releases.",
    )


def minors_of(plugin: str) -> str:
    """`v1.23 to v1.37`: the Kubernetes versions that a plugin has a release for."""
    releases = releases_of(plugin)
    return f"v1.{min(each.oldest for each in releases)} to v1.{max(each.newest for each in releases)}"


def series_of(plugin: str, version: tuple[int, ...]) -> tuple[int, int] | None:
    """The minors of Kubernetes that KubeKey 4 takes this version of a plugin for; None where it says nothing."""
    found = plugin_of(plugin)
    return found.series.get(f"{version[0]}.{version[1]}") if found else None

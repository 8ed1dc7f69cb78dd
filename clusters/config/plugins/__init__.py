"""Network plugins in the document: one file with a record for each; found by walking the package.

No release was run on machines; `bridge` was, but has no releases. Sources of the releases, as of August 2026: from
Kubernetes 1.23 on the ranges are those of KubeKey 4's `cluster_require` defaults (`series`), narrowed so that each
Kubernetes has one release; the patch is the last published one of that series. Each plugin's file lists additional
sources.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from clusters.config.kubernetes_versions import parse_version
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.config.rules.registry import Rule

KUBEKEY_1, KUBEKEY_3, KUBEKEY_4 = "v1alpha1", "v1alpha2", "v4"
"""The dialects of the document."""


class Release(NamedTuple):
    """A release with its leading v (of the chart, if there is one), and the Kubernetes minors it is for."""

    version: str
    oldest: int
    newest: int


@dataclass(frozen=True, slots=True)
class NetworkPlugin:
    """The properties of a network plugin.

    `name` is its value in `spec.network.plugin`, `title` its display name, `place` its position in lists (in tens, so
    that there is room between two). `section` is the type of `spec.network.NAME`: a model of options, or a mapping for
    a chart's values. A plugin with `releases` runs in pods. `dual_stack`: whether it is set up for IPv4 and IPv6 when
    the document has both. `dialects` are those whose KubeKey supports it; `instead` is the alternative in KubeKey 4,
    which does not support its options. `series` are the oldest and newest Kubernetes minors, by series of the plugin,
    of KubeKey 4's `cluster_require` defaults. `modules` are the kernel modules that it may need, whatever the options:
    every machine is checked for them. `moved`: a key of older KubeKey releases in the section -> its path there today.
    `rules` check the options. A plugin that is not `built` is refused; the user
    installs one that is not `installed`.
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
    moved: Mapping[str, str] = field(default_factory=dict)
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
    """All plugins, in display order."""
    found = [importlib.import_module(f"{__name__}.{each.name}").PLUGIN for each in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda each: each.place))


def names() -> tuple[str, ...]:
    """The names of all plugins in the document."""
    return tuple(each.name for each in plugins())


def plugin_of(name: str) -> NetworkPlugin | None:
    """The plugin with this name, or None."""
    return next((each for each in plugins() if each.name == name), None)


def is_left_to_the_user(name: str) -> bool:
    """Whether the user, not Slipway, installs the plugin."""
    found = plugin_of(name)
    return found is not None and not found.installed


def releases_of(name: str) -> tuple[Release, ...]:
    """The releases of a plugin; empty for one that does not run in pods, and for unknown names."""
    found = plugin_of(name)
    return found.releases if found else ()


def plugin_version(plugin: str, kubernetes_version: str) -> str:
    """The release of a plugin for a Kubernetes version. Raises ConfigError where there is none."""
    minor = parse_version(kubernetes_version).minor
    for release in releases_of(plugin):
        if release.oldest <= minor <= release.newest:
            return release.version
    raise ConfigError(
        f"{plugin} has no release for Kubernetes {kubernetes_version}.",
        hint=f"It is for {minors_of(plugin)}." if releases_of(plugin) else "It has no releases.",
    )


def minors_of(plugin: str) -> str:
    """`v1.23 to v1.37`: the Kubernetes versions for which a plugin has a release."""
    releases = releases_of(plugin)
    return f"v1.{min(each.oldest for each in releases)} to v1.{max(each.newest for each in releases)}"


def series_of(plugin: str, version: tuple[int, ...]) -> tuple[int, int] | None:
    """The Kubernetes minors for which KubeKey 4 accepts this plugin version; None if it is unspecified."""
    found = plugin_of(plugin)
    return found.series.get(f"{version[0]}.{version[1]}") if found else None

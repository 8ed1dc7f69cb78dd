"""Rules on the network plugin's release and address families, and each plugin's rules on its options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error, warning
from clusters.config.keys import Model
from clusters.config.kubernetes_versions import is_known
from clusters.config.plugins import minors_of, plugin_of, plugin_version, plugins, releases_of
from clusters.config.rules.registry import rule
from clusters.config.syntax import parts_of
from clusters.config.yaml.tree import excerpt
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.network"


@rule
def options_of_another(document: Document) -> Iterator[Finding]:
    """Options are set only for the chosen plugin."""
    network = document.network
    for each in plugins():
        if not (isinstance(each.section, type) and issubclass(each.section, Model)) or network.plugin == each.name:
            continue
        if getattr(network, each.attribute) != each.section():
            message = f"The network plugin is {excerpt(network.plugin)}, so the options of {each.name} have no effect."
            path = f"{_PATH}.{each.name}"
            yield warning("network.options_unused", path, message, found=each.name, allowed=network.plugin)


@rule
def plugin_release(document: Document) -> Iterator[Finding]:
    """The network plugin has a release for this Kubernetes."""
    name, version = document.network.plugin, document.kubernetes.version
    if not releases_of(name) or not is_known(version):
        return
    try:
        plugin_version(name, version)
    except ConfigError as missing:
        message = f"{missing.message} It is for Kubernetes {minors_of(name)}."
        hint = "Choose another plugin, or another version of Kubernetes."
        allowed = f"Kubernetes {minors_of(name)}"
        yield error("network.plugin_no_release", f"{_PATH}.plugin", message, hint=hint, found=version, allowed=allowed)


@rule
def plugin_families(document: Document) -> Iterator[Finding]:
    """The network plugin supports IPv4 and IPv6 when the pod network has both."""
    network = document.network
    known, two = plugin_of(network.plugin), len(parts_of(network.kube_pods_cidr)) > 1
    if two and known is not None and not known.dual_stack:
        message = f"{network.plugin} supports one address family, but the pod network has two."
        path, allowed = f"{_PATH}.plugin", ", ".join(_of_both_families())
        yield error("network.plugin_one_family", path, message, found=network.plugin, allowed=allowed)


def _of_both_families() -> tuple[str, ...]:
    """Plugins with both families, those that only Slipway has first."""
    able = [each for each in plugins() if each.dual_stack]
    return tuple(each.name for each in sorted(able, key=lambda each: bool(each.dialects)))


for _plugin in plugins():
    for _rule in _plugin.rules:
        rule(_rule)

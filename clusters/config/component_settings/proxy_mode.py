"""kube-proxy's mode in a document, and where it is set; without one, it depends on the machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clusters.config.schema import Document

BLANK_IS = "iptables"
"""kube-proxy's mode if its configuration has none. Source: kube-proxy 1.37.2 and 1.36.3, whose message for a wrong mode
is "blank means the best-available proxy [currently iptables]"; 1.20 prints the same."""

_SECTION = "spec.kubernetes"


@dataclass(frozen=True, slots=True)
class ModeInDocument:
    """kube-proxy's mode, and the path of the entry that sets it. `mode` is BLANK_IS if the entry is empty."""

    mode: str
    path: str


def mode_in(document: Document) -> ModeInDocument | None:
    """The effective mode: kubeProxyConfiguration's, else kubeProxyArgs', else proxyMode's; None if none is set.

    kube-proxy's configuration is merged from them in the same order. An empty mode or null overrides the others.
    """
    section = document.kubernetes
    if "mode" in section.kube_proxy_configuration:
        return _found(section.kube_proxy_configuration["mode"], "kubeProxyConfiguration.mode")
    for index, item in reversed(list(enumerate(section.kube_proxy_args))):
        name, _, value = item.partition("=")
        if name.strip().lstrip("-") == "proxy-mode":
            return _found(value, f"kubeProxyArgs.{index}")
    return _found(section.proxy_mode, "proxyMode") if section.proxy_mode else None


def _found(value: Any, key: str) -> ModeInDocument:
    return ModeInDocument(BLANK_IS if value is None or value == "" else str(value), f"{_SECTION}.{key}")

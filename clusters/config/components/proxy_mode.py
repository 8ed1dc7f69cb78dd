"""Which mode of kube-proxy a document says, and where; what it leaves open the machines decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clusters.config.schema import Document

BLANK_IS = "iptables"
"""What kube-proxy runs in where its configuration names no mode. Source: kube-proxy 1.37.2 and 1.36.3, which answer a
wrong mode with "blank means the best-available proxy [currently iptables]"; that of 1.20 says the same."""

_SECTION = "spec.kubernetes"


@dataclass(frozen=True, slots=True)
class ModeInDocument:
    """kube-proxy's mode, and the path of the entry that says so. `mode` is BLANK_IS where the entry is empty."""

    mode: str
    path: str


def mode_in(document: Document) -> ModeInDocument | None:
    """The mode that counts: kubeProxyConfiguration's, else kubeProxyArgs', else proxyMode's; None without any.

    The same order in which kube-proxy's configuration is put together from them. An empty mode or null there takes
    the others' away.
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

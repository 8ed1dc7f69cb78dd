"""The document's proxy for the container runtime's service, which pulls the images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.lines import one_word
from clusters.config.direct import direct_addresses
from clusters.engine.wants import command, file
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from clusters.config.schema import Document
    from clusters.engine.wants import Want


def drop_in(unit: str) -> str:
    """The path of the file."""
    return f"/etc/systemd/system/{unit}.service.d/10-slipway-proxy.conf"


def proxied(unit: str, document: Document) -> Want:
    """The service has the document's proxy in its environment, or none of Slipway's where the document has none."""
    path, text = drop_in(unit), settings(document)
    if text:
        return file(path, text)
    return command(
        f"{unit} has no proxy of the document",
        sh("rm -f {} && systemctl daemon-reload && systemctl restart {}", path, unit),
        unless=sh("test ! -e {}", path),
    )


def files(unit: str, document: Document) -> tuple[str, ...]:
    """The file for which the service is restarted; none without a proxy."""
    return (drop_in(unit),) if settings(document) else ()


def settings(document: Document) -> str:
    """The drop-in; empty without a proxy. systemd needs a doubled % in values."""
    section = document.registry
    http, https = section.http_proxy or section.https_proxy, section.https_proxy or section.http_proxy
    if not https:
        return ""
    without = ",".join(dict.fromkeys((*direct_addresses(document), *section.no_proxy)))
    values = {"HTTP_PROXY": http, "HTTPS_PROXY": https, "NO_PROXY": without}
    lines = "".join(
        f'Environment="{name}={one_word(value, "A proxy").replace("%", "%%")}"\n' for name, value in values.items()
    )
    return f"# Written by Slipway; changes are overwritten by its next run.\n[Service]\n{lines}"

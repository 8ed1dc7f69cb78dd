"""Rules on the system section and on custom scripts."""

from __future__ import annotations

import re
import zoneinfo
from itertools import islice
from typing import TYPE_CHECKING

from clusters.config.carried_files import is_carried, unpacked
from clusters.config.finding import error, warning
from clusters.config.rules.registry import rule
from clusters.config.syntax import did_you_mean, is_absolute, is_address_or_name
from clusters.config.yaml.tree import excerpt
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import CustomScript, Document

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_PATH = "spec.system"
SHOWN_GROUPS = 10
"""A document may have thousands, and each script with an unknown role would list them all."""


@rule
def timezone(document: Document) -> Iterator[Finding]:
    """The time zone is known."""
    text, path = document.system.timezone, f"{_PATH}.timezone"
    if not text:
        return
    known = zoneinfo.available_timezones()
    if not _ZONE.fullmatch(text):
        message = f"{excerpt(text)} is not a time zone."
        hint = "Write it like Europe/Berlin."
        yield error(
            "system.timezone_syntax", path, message, hint=hint, found=excerpt(text), allowed="like Europe/Berlin"
        )
    elif known and text not in known:
        message = f"This server does not know the time zone {excerpt(text)}; timedatectl may refuse it."
        hint = did_you_mean(text, sorted(known))
        yield warning("system.timezone_unknown", path, message, hint=hint, found=excerpt(text))


@rule
def time_servers(document: Document) -> Iterator[Finding]:
    """Time servers are addresses, names, or machines of the cluster."""
    names = {host.name for host in document.hosts}
    for index, text in enumerate(document.system.ntp_servers):
        if not is_address_or_name(text) and text not in names:
            message = f"{excerpt(text)} is neither an address nor a name."
            path = f"{_PATH}.ntpServers.{index}"
            yield error("system.ntp_syntax", path, message, found=excerpt(text), allowed="an address or a name")


def _scripts(document: Document) -> Iterator[tuple[str, CustomScript]]:
    system = document.system
    lists = [
        (f"{_PATH}.preInstall", system.pre_install),
        (f"{_PATH}.postInstall", system.post_install),
        (f"{_PATH}.postClusterInstall", system.post_cluster_install),
    ]
    for index, addon in enumerate(document.addons):
        lists.append((f"spec.addons.{index}.preInstall", addon.pre_install))
        lists.append((f"spec.addons.{index}.postInstall", addon.post_install))
    for path, scripts in lists:
        for number, script in enumerate(scripts):
            yield f"{path}.{number}", script


@rule
def scripts(document: Document) -> Iterator[Finding]:
    """Every script has commands and an existing role group."""
    groups = dict.fromkeys(("etcd", "master", "control-plane", "worker", "registry"))
    groups |= dict.fromkeys(document.role_groups.model_extra or {})
    for path, script in _scripts(document):
        name = script.name or "without a name"
        if not script.bash.strip():
            message = f"The script {name} has no commands."
            yield error("script.empty", f"{path}.bash", message, found="nothing", allowed="commands")
        if script.role and script.role not in groups:
            message = f"The script {name} is for the role {excerpt(script.role)}, which does not exist."
            hint, allowed = did_you_mean(script.role, groups), ", ".join(islice(groups, SHOWN_GROUPS))
            allowed += f" and {len(groups) - SHOWN_GROUPS} more" if len(groups) > SHOWN_GROUPS else ""
            yield error("script.role", f"{path}.role", message, hint=hint, found=excerpt(script.role), allowed=allowed)
        for index, material in enumerate(script.materials):
            at = f"{path}.materials.{index}"
            if is_carried(material):
                if not _unpacks(material):
                    message = "A file in the document does not have the form data:NAME;base64,CONTENT."
                    yield error("script.material_broken", at, message, allowed="data:NAME;base64,CONTENT")
            elif not is_absolute(material):
                message = f"{excerpt(material)} is relative to the installer's folder; use an absolute path."
                yield warning("script.material", at, message, found=excerpt(material), allowed="an absolute path")


def _unpacks(material: str) -> bool:
    try:
        unpacked(material)
    except ConfigError:
        return False
    return True

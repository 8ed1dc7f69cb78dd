"""Findings in the words of KubeKey 4: they name the keys of the Inventory and the Config."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from clusters.config.dialects.v4 import mapping
from clusters.config.load_balancers import load_balancers
from clusters.config.paths import joined, keys_in, segment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.config.finding import Finding

_WORD = re.compile(r"(?<!\w)'[^']*'|\"[^\"]*\"|[A-Za-z][A-Za-z0-9]*")
"""A word, or what is quoted of the files, which stays as it is there."""
_HINTS = {"hosts.none": "Add at least one machine to the Inventory. If it is another file, name both files."}
_GROUP = re.compile(r"(^|into )(master|worker|registry)\b(?= contains|[;,.]|$)")
_OF_HOSTS = {old: f"connector.{new}" for old, new in mapping.CONNECTOR.items()} | {
    "internalAddress": "internal_ipv4",
    "labels": "kubernetes.custom_labels",
}


@cache
def _paths() -> dict[str, str]:
    """Path in the document -> path in the Config."""
    endpoint = ".".join(mapping.ENDPOINT)
    found = {".".join(("spec", *each.path)): ".".join(each.place) for each in mapping.direct()}
    found |= {f"spec.kubernetes.{name}": ".".join(place) for name, place in mapping.ARGS.items()}
    for each in load_balancers():
        section = f"{endpoint}.{each.v4_section}"
        found |= {"spec.controlPlaneEndpoint.address": f"{section}.address"} if each.v4_section else {}
        found |= {f"spec.controlPlaneEndpoint.{each.key}.{name}": f"{section}.{name}" for name in each.v4_options}
    return found | {
        "spec.controlPlaneEndpoint.domain": f"{endpoint}.host",
        "spec.controlPlaneEndpoint.port": f"{endpoint}.port",
        "spec.controlPlaneEndpoint.internalLoadbalancer": f"{endpoint}.type",
        "spec.controlPlaneEndpoint": endpoint,
        "spec.etcd.type": ".".join(mapping.ETCD_TYPE),
        "spec.network.multusCNI.enabled": ".".join(mapping.MULTUS),
        "spec.registry.privateRegistry": ".".join(mapping.REGISTRY),
        "spec.registry.auths": ".".join(mapping.AUTHS),
        "spec.dns.dnsEtcHosts": ".".join(mapping.ETC_HOSTS),
        "spec.network": "cni",
    }


@cache
def _names() -> dict[str, str]:
    """Name of a key that no other word looks like -> path in KubeKey 4's files."""
    found = {path.rpartition(".")[2]: place for path, place in _paths().items()} | _OF_HOSTS
    return {name: place for name, place in found.items() if any(each.isupper() for each in name)}


def in_words_of(dialect: str, found: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings; for KubeKey 4's files, with the keys of the Inventory and the Config in path, message and hint."""
    return tuple(map(_in_words_of_v4, found)) if dialect == "v4" else tuple(found)


def _in_words_of_v4(finding: Finding) -> Finding:
    message, hint = (_in_words(text) for text in (finding.message, _HINTS.get(finding.id, finding.hint)))
    return replace(finding, path=path_in_v4(finding.path, finding.hosts), message=message, hint=hint)


def _in_words(text: str) -> str:
    text = _WORD.sub(lambda match: _names().get(match[0], match[0]), text)
    return _GROUP.sub(lambda match: f"{match[1]}{mapping.GROUPS[match[2]]}", text)


def path_in_v4(path: str, hosts: tuple[str, ...] = ()) -> str:
    """The path in the Inventory or the Config; a path that is not in them stays."""
    parts = keys_in(path)
    if path == "spec.hosts":
        return "hosts"
    if parts[:2] == ["spec", "hosts"]:
        name = hosts[0] if len(hosts) == 1 else parts[2]
        below = [_OF_HOSTS.get(part) or segment(part) for part in parts[3:] if part != "name"]
        return ".".join((joined("hosts", name), *below))
    if parts[:2] == ["spec", "roleGroups"]:
        group = {"control-plane": "master"}.get(parts[2], parts[2]) if len(parts) > 2 else ""
        return joined("groups", mapping.GROUPS.get(group, group), "hosts", *parts[3:]) if group else "groups"
    for length in range(len(parts), 1, -1):
        place = _paths().get(".".join(parts[:length]))
        if place is not None:
            return joined(place, *parts[length:])
    return path.removeprefix("inventory.").removeprefix("config.")

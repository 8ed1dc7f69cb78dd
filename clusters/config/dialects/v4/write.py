"""Writes the document as KubeKey 4's Inventory and Config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config.dialects.shape import GROUP, Shaper
from clusters.config.dialects.v4 import mapping
from clusters.config.dialects.v4.fit import fitted
from clusters.config.keys import keys_of
from clusters.config.load_balancers import load_balancers
from clusters.config.syntax import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.keys import Model
    from clusters.config.schema import ControlPlaneEndpoint, Document, Host, RegistryAuth


def documents(document: Document, secrets: str) -> list[dict[str, Any]]:
    """The Inventory and the Config, in this order, without what they cannot express (`fit.what_does_not_fit`)."""
    fitted_document = fitted(document)
    shaper = Shaper("v4", secrets)
    inventory = mapping.merged(_rest_of_inventory(fitted_document, shaper), _inventory(fitted_document, shaper))
    config = mapping.merged(shaper.plain(fitted_document.config_v4), _config(fitted_document, shaper))
    return [
        {"apiVersion": f"{GROUP}v1", "kind": kind, "metadata": {"name": fitted_document.name}, "spec": spec}
        for kind, spec in (("Inventory", inventory), ("Config", config))
    ]


def _rest_of_inventory(document: Document, shaper: Shaper) -> dict[str, Any]:
    return shaper.plain(document.inventory_v4)


def _inventory(document: Document, shaper: Shaper) -> dict[str, Any]:
    groups = document.role_groups
    written: dict[str, Any] = {mapping.CLUSTER_GROUP: {"groups": list(mapping.CLUSTER_GROUPS)}}
    for name, other in mapping.GROUPS.items():
        items = list(getattr(groups, name))
        if items or name != "registry":
            written[other] = {"hosts": shaper.hidden(items, name)}
    written |= {name: {"hosts": items} for name, items in shaper.plain(groups.model_extra or {}).items()}
    names = shaper.names([host.name for host in document.hosts])
    return {"hosts": {names[host.name]: _host(host, shaper) for host in document.hosts}, "groups": written}


def _host(host: Host, shaper: Shaper) -> dict[str, Any]:
    section = shaper.model(host)
    login = {
        "host": shaper.hidden(host.address, "address"),
        "port": host.port,
        "user": shaper.hidden(host.user, "user"),
    }
    connector = {"type": "ssh", **login}
    connector |= {new: section[old] for old, new in mapping.CONNECTOR.items() if old in section}
    data: dict[str, Any] = {"connector": connector}
    first, comma, second = shaper.hidden(host.internal_address, "internalAddress").partition(",")
    if comma:
        data |= {"internal_ipv4": first, "internal_ipv6": second}
    elif first:
        address = address_of(first)
        data["internal_ipv6" if address is not None and address.version == 6 else "internal_ipv4"] = first
    if "arch" in section:
        data["arch"] = section["arch"]
    if host.labels:
        data["kubernetes"] = {"custom_labels": shaper.plain(host.labels)}
    return data


def _config(document: Document, shaper: Shaper) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for each in mapping.direct():
        value, key = each.of(document), each.keys[-1]
        if each.is_switch:
            value = value.enabled
        if value != key.default or value not in (False, "", (), {}, None):
            _put(data, each.place, shaper.value(value, key))
    for place, value in _special(document, shaper):
        _put(data, place, value)
    return data


def _special(document: Document, shaper: Shaper) -> list[tuple[tuple[str, ...], Any]]:
    endpoint, kubernetes = document.control_plane_endpoint, document.kubernetes
    balancer = endpoint.internal_loadbalancer
    found: list[tuple[tuple[str, ...], Any]] = [
        ((*mapping.ENDPOINT, "host"), shaper.hidden(endpoint.domain, "domain")),
        ((*mapping.ENDPOINT, "port"), endpoint.port),
        ((*mapping.ENDPOINT, "type"), shaper.hidden(balancer, "internalLoadbalancer") or mapping.LOCAL),
        (mapping.ETCD_TYPE, mapping.ETCD_TYPES[document.etcd.type]),
    ]
    if endpoint.address:
        address = shaper.hidden(endpoint.address, "address")
        found.append(((*mapping.ENDPOINT, mapping.endpoint_section(balancer), "address"), address))
    found += _balancer_options(endpoint, shaper)
    if document.network.multus_cni.enabled:
        found.append((mapping.MULTUS, "multus"))
    registry = document.registry
    if registry.private_registry or registry.namespace_override:
        namespace = f"/{registry.namespace_override}" if registry.namespace_override else ""
        found.append((mapping.REGISTRY, shaper.hidden(registry.private_registry + namespace, "privateRegistry")))
    if registry.auths:
        names = shaper.names(registry.auths)
        found.append((mapping.AUTHS, [_auth(names[name], auth, shaper) for name, auth in registry.auths.items()]))
    if document.dns.dns_etc_hosts:
        lines = shaper.hidden(document.dns.dns_etc_hosts, "dnsEtcHosts")
        found.append((mapping.ETC_HOSTS, lines.removesuffix("\n").split("\n")))
    for name, place in mapping.ARGS.items():
        items = getattr(kubernetes, keys_of(type(kubernetes))[name].attribute)
        if items:
            found.append((place, shaper.plain(dict(item.split("=", 1) for item in items))))
    return found


def _balancer_options(endpoint: ControlPlaneEndpoint, shaper: Shaper) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The options of load balancers that KubeKey 4 has, where the document sets some."""
    for each in load_balancers():
        options: Model | None = getattr(endpoint, each.key) if each.v4_options else None
        if options is not None and options != type(options)():
            for option in each.v4_options:
                value = getattr(options, keys_of(type(options))[option].attribute)
                yield (*mapping.ENDPOINT, each.v4_section, option), shaper.hidden(value, option)


def _auth(name: str, auth: RegistryAuth, shaper: Shaper) -> dict[str, Any]:
    section = shaper.model(auth)
    return {"registry": name, **{new: section[old] for old, new in mapping.AUTH.items() if old in section}}


def _put(data: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    for name in place[:-1]:
        data = data.setdefault(name, {})
    data[place[-1]] = value

"""Converts KubeKey 4's Inventory and Config to the tree of a v1alpha2 file, with positions, and reads that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config import reading
from clusters.config.dialects.v4 import mapping
from clusters.config.dialects.v4.rest import warn_of_rest
from clusters.config.load_balancers import load_balancers
from clusters.config.schema import Document
from clusters.config.yaml.scalars import Walk, what, wrong
from clusters.config.yaml.tree import Mapping, Node, Scalar, Sequence

if TYPE_CHECKING:
    from clusters.config.dialects.file_parts import Parts

Place = tuple[str, ...]


def content(walk: Walk, parts: Parts) -> dict[str, Any]:
    """The contents of the two documents, as data for the model."""
    root = Mapping(0, 0)
    rest: dict[str, Any] = {}
    for part, node, take in (("inventory", parts.inventory, _inventory), ("config", parts.config, _config)):
        spec = _spec(walk, node, part)
        if spec is None:
            continue
        places_read = tuple(take(walk, root, spec))
        left = _pruned(spec, places_read)
        if left.pairs:
            rest[f"---{part}"] = reading.plain(walk, left, part)
            warn_of_rest(walk, left, part)
    return reading.model(walk, root, Document, "spec") | rest


def _spec(walk: Walk, node: Mapping | None, part: str) -> Mapping | None:
    if node is None or "spec" not in node.pairs:
        return None
    mark, spec = node.pairs["spec"]
    walk.positions[part] = (mark.line, mark.column)
    if isinstance(spec, Mapping):
        return spec
    if not (isinstance(spec, Scalar) and spec.tag == "null"):
        walk.findings.append(wrong("mapping", part, "keys with values", what(spec)))
    return None


def _at(node: Node, place: Place) -> tuple[Scalar, Node] | None:
    """The key and the value at a path."""
    pair: tuple[Scalar, Node] | None = None
    for name in place:
        pair = node.pairs.get(name) if isinstance(node, Mapping) else None
        if pair is None:
            return None
        node = pair[1]
    return pair


def _put(root: Mapping, path: Place, mark: Scalar, value: Node) -> None:
    for name in path[:-1]:
        pair = root.pairs.setdefault(name, (mark, Mapping(mark.line, mark.column)))
        if not isinstance(pair[1], Mapping):
            return
        root = pair[1]
    root.pairs[path[-1]] = (mark, value)


def _text(mark: Scalar, text: str) -> Scalar:
    """A text that has another structure in the file."""
    return Scalar(mark.line, mark.column, text, "str", plain=False, end=mark.end)


def _inventory(walk: Walk, root: Mapping, spec: Mapping) -> list[Place]:
    places_read: list[Place] = []
    hosts = spec.pairs.get("hosts")
    if hosts is not None and isinstance(hosts[1], Mapping):
        rows = Sequence(hosts[1].line, hosts[1].column)
        for name, (mark, variables) in hosts[1].pairs.items():
            row = Mapping(mark.line, mark.column)
            row.pairs["name"] = (mark, _text(mark, name))
            places_read += [("hosts", name, *place) for place in _host(row, mark, variables)]
            rows.items.append(row)
        _put(root, ("hosts",), hosts[0], rows)
    elif hosts is not None and not (isinstance(hosts[1], Scalar) and hosts[1].tag == "null"):
        walk.positions["spec.hosts"] = (hosts[0].line, hosts[0].column)
        walk.findings.append(wrong("mapping", "spec.hosts", "machines by name", what(hosts[1])))
    groups = spec.pairs.get("groups")
    if groups is not None and isinstance(groups[1], Mapping):
        places_read += [("groups", *place) for place in _groups(root, groups[1])]
    empty = (name for name in ("hosts", "groups") if name in spec.pairs and not _has_content(spec.pairs[name][1]))
    return [*places_read, *((name,) for name in empty)]


def _has_content(node: Node) -> bool:
    return bool(node.pairs) if isinstance(node, Mapping) else not (isinstance(node, Scalar) and node.tag == "null")


def _host(row: Mapping, mark: Scalar, variables: Node) -> list[Place]:
    # A machine without variables is read completely; other variables stay as they are.
    places_read: list[Place] = [] if _has_content(variables) else [()]
    for old, new in mapping.CONNECTOR.items():
        pair = _at(variables, ("connector", new))
        if pair is not None:
            row.pairs[old] = pair
            places_read.append(("connector", new))
    kind = _at(variables, ("connector", "type"))
    if kind is not None and isinstance(kind[1], Scalar) and kind[1].text == "ssh":
        places_read.append(("connector", "type"))
    first, second = _at(variables, ("internal_ipv4",)), _at(variables, ("internal_ipv6",))
    pairs = [pair for pair in (first, second) if pair is not None]
    if pairs and all(isinstance(pair[1], Scalar) for pair in pairs):
        text = ",".join(pair[1].text for pair in pairs if isinstance(pair[1], Scalar))
        row.pairs["internalAddress"] = (pairs[0][0], _text(pairs[0][0], text))
        places_read += [("internal_ipv4",), ("internal_ipv6",)]
    arch = _at(variables, ("arch",))
    if arch is not None:
        row.pairs["arch"] = arch
        places_read.append(("arch",))
    labels = _at(variables, ("kubernetes", "custom_labels"))
    if labels is not None:
        row.pairs["labels"] = labels
        places_read.append(("kubernetes", "custom_labels"))
    if "address" not in row.pairs:
        name = row.pairs["name"][1]
        row.pairs["address"] = (
            row.pairs.get("internalAddress", (mark, name)) if not second or not first else (mark, name)
        )
    return places_read


def _groups(root: Mapping, groups: Mapping) -> list[Place]:
    places_read: list[Place] = []
    names = {new: old for old, new in mapping.GROUPS.items()}
    for name, (mark, group) in groups.pairs.items():
        hosts = _at(group, ("hosts",))
        if name == mapping.CLUSTER_GROUP:
            inner = _at(group, ("groups",))
            listed = (
                [item.text for item in inner[1].items if isinstance(item, Scalar)]
                if inner and isinstance(inner[1], Sequence)
                else []
            )
            if sorted(listed) == sorted(mapping.CLUSTER_GROUPS):
                places_read.append((name, "groups"))
        elif hosts is not None and (name in names or (isinstance(group, Mapping) and len(group.pairs) == 1)):
            _put(root, ("roleGroups", names.get(name, name)), mark, hosts[1])
            places_read.append((name, "hosts"))
    return places_read


def _config(walk: Walk, root: Mapping, spec: Mapping) -> list[Place]:
    places_read: list[Place] = []
    for each in mapping.direct():
        pair = _at(spec, each.place)
        if pair is None or (each.keys[-1].kind in ("int", "bool", "model") and _is_template(pair[1])):
            continue
        mark, value = pair
        if each.is_switch:
            switch = Mapping(mark.line, mark.column)
            switch.pairs["enabled"] = (mark, value)
            value = switch
        _put(root, each.path, mark, value)
        places_read.append(each.place)
    return places_read + _endpoint(root, spec) + _special(root, spec)


def _is_template(node: Node) -> bool:
    return isinstance(node, Scalar) and "{{" in node.text


def _endpoint(root: Mapping, spec: Mapping) -> list[Place]:
    places_read: list[Place] = []

    def take(key: str, *inside: str) -> Node | None:
        place = (*mapping.ENDPOINT, *inside)
        pair = _at(spec, place)
        if pair is None or (key == "port" and _is_template(pair[1])):
            return None
        _put(root, ("controlPlaneEndpoint", *key.split(".")), *pair)
        places_read.append(place)
        return pair[1]

    take("domain", "host")
    take("port", "port")
    for each in load_balancers():
        for option in each.v4_options:
            take(f"{each.key}.{option}", each.v4_section, option)
    kind = take("internalLoadbalancer", "type")
    text = kind.text if isinstance(kind, Scalar) else ""
    balancer = mapping.BALANCERS.get(text, text)
    if isinstance(kind, Scalar):
        _put(root, ("controlPlaneEndpoint", "internalLoadbalancer"), kind, _text(kind, balancer))
    take("address", mapping.endpoint_section(balancer), "address")
    return places_read


def _special(root: Mapping, spec: Mapping) -> list[Place]:
    places_read: list[Place] = []
    for place, path, change in (
        (mapping.ETCD_TYPE, ("etcd", "type"), _etcd_type),
        (mapping.MULTUS, ("network", "multusCNI", "enabled"), _multus),
        (mapping.AUTHS, ("registry", "auths"), _auths),
        (mapping.ETC_HOSTS, ("dns", "dnsEtcHosts"), _lines),
        *((place, ("kubernetes", name), _args) for name, place in mapping.ARGS.items()),
    ):
        pair = _at(spec, place)
        changed = change(pair[0], pair[1]) if pair is not None else None
        if pair is not None and changed is not None:
            _put(root, path, pair[0], changed)
            places_read.append(place)
    registry = _at(spec, mapping.REGISTRY)
    if registry is not None and isinstance(registry[1], Scalar):
        host, _, namespace = registry[1].text.partition("/")
        _put(root, ("registry", "privateRegistry"), registry[0], _text(registry[0], host))
        _put(root, ("registry", "namespaceOverride"), registry[0], _text(registry[0], namespace))
        places_read.append(mapping.REGISTRY)
    return places_read


def _etcd_type(mark: Scalar, node: Node) -> Node | None:
    names = {new: old for old, new in mapping.ETCD_TYPES.items()}
    return _text(mark, names[node.text]) if isinstance(node, Scalar) and node.text in names else None


def _multus(mark: Scalar, node: Node) -> Node | None:
    words = {"multus": "true", "none": "false"}
    return _text(mark, words[node.text]) if isinstance(node, Scalar) and node.text in words else None


def _auths(mark: Scalar, node: Node) -> Node | None:
    if not isinstance(node, Sequence):
        return None
    found = Mapping(node.line, node.column)
    names = {new: old for old, new in mapping.AUTH.items()}
    for item in node.items:
        name = _at(item, ("registry",)) or _at(item, ("repo",))
        if name is None or not isinstance(item, Mapping) or not isinstance(name[1], Scalar):
            return None
        inner = Mapping(item.line, item.column)
        inner.pairs = {names.get(key, key): pair for key, pair in item.pairs.items() if pair is not name}
        found.pairs[name[1].text] = (name[0], inner)
    return found


def _lines(mark: Scalar, node: Node) -> Node | None:
    if not isinstance(node, Sequence) or not all(isinstance(item, Scalar) for item in node.items):
        return None
    return _text(mark, "".join(f"{item.text}\n" for item in node.items if isinstance(item, Scalar)))


def _args(mark: Scalar, node: Node) -> Node | None:
    if not isinstance(node, Mapping) or not all(isinstance(value, Scalar) for _, value in node.pairs.values()):
        return None
    found = Sequence(node.line, node.column)
    for name, (key, value) in node.pairs.items():
        found.items.append(_text(key, f"{name}={value.text}" if isinstance(value, Scalar) else name))
    return found


def _pruned(node: Mapping, places_read: tuple[Place, ...]) -> Mapping:
    """The mapping without the paths that were read, and without mappings that become empty."""
    return _cut(node, _tree(places_read))


def _tree(places: tuple[Place, ...]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for place in places:
        branch = tree
        for name in place:
            branch = branch.setdefault(name, {})
    return tree


def _cut(node: Mapping, tree: dict[str, Any]) -> Mapping:
    left = Mapping(node.line, node.column)
    for name, (mark, value) in node.pairs.items():
        below = tree.get(name)
        if below is None:
            left.pairs[name] = (mark, value)
        elif below and isinstance(value, Mapping):
            inner = _cut(value, below)
            if inner.pairs:
                left.pairs[name] = (mark, inner)
    return left

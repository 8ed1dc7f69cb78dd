"""Converts the document to plain data in KubeKey's structure, for the dialects v1alpha1 and v1alpha2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config.keys import Key, Model, keys_of
from clusters.config.plugins import plugins
from clusters.config.schema import Document, Host
from clusters.config.secret import MASK, Secret
from clusters.config.secrets.finder import LEFT_OUT, hidden, hidden_names
from clusters.config.secrets.walk import called
from clusters.config.sections.etcd import MOVED
from clusters.config.yaml.emit import Quoted, Row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

GROUP = "kubekey.kubesphere.io/"
NEW = (2, 0)
"""Keys of this release and later are not in v1alpha1."""


class Shaper:
    """Writes the values of one export: for a dialect, with secrets masked, shown or omitted."""

    def __init__(self, dialect: str, secrets: str) -> None:
        self.old = dialect == "v1alpha1"
        self.secrets = secrets

    def model(self, section: Model) -> dict[str, Any]:
        """The keys of a section that differ from their defaults, in order, followed by unknown keys."""
        data: dict[str, Any] = {}
        values = section.__dict__
        for key in keys_of(type(section)).values():
            value = values[key.attribute]
            if (
                (value == key.default and not key.always_written)
                or (self.old and key.since >= NEW)
                or key.name[:3] == "---"
            ):
                continue
            written = self.value(value, key)
            if written is not LEFT_OUT and not (key.kind == "model" and written == {}):
                data[key.name] = written
        return data | self.plain(section.model_extra or {})

    def value(self, value: Any, key: Key) -> Any:
        """One value as plain data."""
        if isinstance(value, str):
            return self.text(value, key)
        if isinstance(value, Model):
            return self.model(value)
        if isinstance(value, Secret):
            return self.secret(value)
        if isinstance(value, tuple):
            if key.inner is Host:
                return [Row(self.model(each)) for each in value]
            if value and all(isinstance(each, str) for each in value):
                # As a whole, because in `[--password, x]` the first item shows that the second is a secret.
                return self.text(list(value), key)
            items = (self.value(each, key) for each in value)
            return [each for each in items if each is not LEFT_OUT]
        if isinstance(value, dict):
            return self.table(value, key) if key.kind == "table" else self.plain(value)
        return value

    def text(self, value: Any, key: Key) -> Any:
        """A text, or a list of texts, without its secrets."""
        return self.hidden(value, key.name)

    def hidden(self, value: Any, name: str) -> Any:
        """The text, or the list of texts, of this key without its secrets."""
        return value if self.secrets == "show" else hidden(value, mask=self.secrets == "mask", key=called(name))

    def table(self, value: Mapping[str, Any], key: Key) -> dict[str, Any]:
        """A mapping of names to sections."""
        names = self.names(value)
        return {names[name]: self.value(inner, key) for name, inner in value.items()}

    def names(self, value: Collection[str]) -> dict[str, str]:
        """Each name of a mapping -> the same without a login in it."""
        hidden = {} if self.secrets == "show" else hidden_names(value, mask=self.secrets == "mask")
        return {name: hidden.get(name, name) for name in value}

    def secret(self, secret: Secret) -> Any:
        """The secret's text, a mask, or LEFT_OUT."""
        if self.secrets == "omit":
            return LEFT_OUT
        return Quoted(secret.reveal() if self.secrets == "show" else MASK)

    def plain(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Data without a model: unchanged except for its secrets."""
        if self.secrets == "show":
            return dict(data)
        masked: dict[str, Any] = hidden(data, mask=self.secrets == "mask")
        return masked


def documents(document: Document, dialect: str, secrets: str) -> list[dict[str, Any]]:
    """The YAML documents of a file, in order."""
    shaper = Shaper(dialect, secrets)
    spec = shaper.model(document)
    spec.pop("name", None)
    if document.kubernetes.type == "kubernetes" and "kubeletArgs" in spec["kubernetes"]:
        spec["kubernetes"]["kubeletArgs"] = [_with_dashes(each) for each in spec["kubernetes"]["kubeletArgs"]]
    if shaper.old:
        _as_of_old(document, spec)
    extra = [key for key in (document.model_extra or {}) if key in spec]
    spec |= {key: spec.pop(key) for key in ("addons", *extra) if key in spec}  # at the end
    kinds = [_headed(f"{GROUP}{dialect}", "Cluster", document.name, spec)]
    if document.kubesphere_document is not None:
        kinds.append(kubesphere(document, shaper))
    for kind, data in (("Inventory", document.inventory_v4), ("Config", document.config_v4)):
        if data and not shaper.old:
            kinds.append({"apiVersion": f"{GROUP}v1", "kind": kind, "spec": shaper.plain(data)})
    return kinds


def _with_dashes(argument: str) -> str:
    """KubeKey appends kubelet's arguments to its command line as they are; those of others get dashes from it."""
    return f"--{argument}" if "=" in argument and not argument.startswith("-") else argument


def _headed(version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _as_of_old(document: Document, spec: dict[str, Any]) -> None:
    """Adapt to v1alpha1: one group for control planes, etcd's backup below kubernetes.

    Numbers have no quotes: KubeKey 1.0 reads them as text, and 1.1 and 1.2 refuse a text in their place.
    """
    groups, etcd = document.role_groups, document.etcd
    spec["roleGroups"]["master"] = list(groups.master + groups.control_plane)
    values = {key.name: key for key in keys_of(type(etcd)).values()}
    spec.pop("etcd", None)
    for old, new in MOVED.items():
        value = getattr(etcd, values[new].attribute)
        if value != values[new].default:
            spec["kubernetes"][old] = value
    for plugin in plugins():
        flat = dict(_moved_options(getattr(document.network, plugin.attribute), plugin.moved)) if plugin.moved else {}
        if flat:
            spec["network"][plugin.name] = spec["network"].get(plugin.name, {}) | flat


def _moved_options(section: Model, moved: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """The options of a network plugin that KubeKey 1.1 and 1.2 have elsewhere, by their names there."""
    for old, new in moved.items():
        name, _, inner = new.partition(".")
        part: Model = getattr(section, keys_of(type(section))[name].attribute)
        key = keys_of(type(part))[inner]
        value = getattr(part, key.attribute)
        if value != key.default:
            yield old, value


def newer_keys(document: Document) -> tuple[str, ...]:
    """The names of the keys of KubeKey 1.1 and 1.2 in a v1alpha1 file; KubeKey 1.0 ignores them."""
    return tuple(dict.fromkeys(_newer(document)))


def _newer(section: Model) -> Iterator[str]:
    for key in keys_of(type(section)).values():
        value = section.__dict__[key.attribute]
        if value == key.default and not key.always_written:
            continue
        if (1, 1) <= key.since < NEW:
            yield key.name
        elif key.since < NEW:
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, Model):
                    yield from _newer(each)


def kubesphere(document: Document, shaper: Shaper) -> dict[str, Any]:
    """KubeSphere's document."""
    found = document.kubesphere_document
    if found is None:
        return {}
    metadata: dict[str, Any] = {"name": found.name, "namespace": found.namespace, **shaper.plain(found.metadata)}
    if found.version:
        labels = metadata.get("labels")
        metadata["labels"] = {**(labels if isinstance(labels, dict) else {}), "version": found.version}
    data: dict[str, Any] = {"apiVersion": found.api_version, "kind": found.kind, "metadata": metadata}
    spec = Shaper("v1alpha2", shaper.secrets).model(found.spec)
    parts = (("data", shaper.plain(found.data)), ("spec", spec), ("status", shaper.plain(found.status)))
    data |= {key: part for key, part in parts if part}
    return data | shaper.plain(found.model_extra or {})

"""Objects in the cluster: read from YAML, applied on a control plane, and checked in the cluster."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import yaml

from clusters.catalog.kubectl import get_object, is_missing, kubectl, no_answer
from clusters.config.yaml.tree import Refused
from clusters.config.yaml.values import read_values
from clusters.engine.wants import Sight, Wanted
from clusters.errors import SourceError
from clusters.remote.shell import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

Object = dict[str, Any]
"""One object of Kubernetes as YAML has it."""

RECORD = "slipway-applied-{}"
"""The ConfigMap in kube-system that records what was applied: a digest, and the objects."""

FIRST = ("Namespace", "CustomResourceDefinition")
"""Kinds that the others depend on, so they are applied first. Slipway never removes them: that would remove everything
in them."""


def read_objects(text: str | bytes, where: str) -> list[Object]:
    """The objects of a YAML stream, with lists flattened. Raises SourceError when it is something else."""
    try:
        found = [each for each in read_values(text, "") if each]
    except Refused as error:
        line = f"line {error.finding.line}: " if error.finding.line else ""
        raise _no_manifest(where, line + error.message.rstrip(".")) from error
    objects: list[Object] = []
    for each in found:
        inside = each.get("items") if isinstance(each, dict) and str(each.get("kind", "")).endswith("List") else None
        objects += inside if isinstance(inside, list) else [each]
    for each in objects:
        if not (
            isinstance(each, dict) and isinstance(each.get("metadata"), dict) and isinstance(each.get("kind"), str)
        ):
            raise _no_manifest(where, f"it contains {str(each)[:60]!r}")
    return objects


def dumped(objects: Iterable[Object]) -> str:
    """The objects as a YAML stream."""
    return yaml.safe_dump_all(objects, sort_keys=False)


def digest_of(text: str) -> str:
    """A fingerprint of what is applied."""
    return hashlib.sha256(text.encode()).hexdigest()


def find(objects: Sequence[Object], kind: str, name: str) -> Object:
    """The object of that kind and name. Raises SourceError when the manifest does not have it."""
    for each in objects:
        if each["kind"] == kind and each["metadata"].get("name") == name:
            return each
    raise SourceError(
        f"The manifest has no {kind} {name}.", hint="Is it the manifest of another release? Nothing was applied."
    )


def for_old_servers(objects: Sequence[Object], minor: int) -> list[Object]:
    """The objects as older API servers accept them.

    1.20 calls `policy/v1` by an older name (Kubernetes' changelog), and refuses to merge a Service's port without a
    protocol (seen with 1.20.2); the default is TCP.
    """
    for each in objects:
        for port in (each.get("spec") or {}).get("ports") or () if each["kind"] == "Service" else ():
            port.setdefault("protocol", "TCP")
    if minor >= 21:
        return list(objects)
    old = {"policy/v1": "policy/v1beta1"}
    return [
        each | {"apiVersion": old.get(each["apiVersion"], each["apiVersion"])}
        if each["kind"] == "PodDisruptionBudget"
        else each
        for each in objects
    ]


def applied_objects(
    name: str,
    objects: Callable[[Machine], Sequence[Object]],
    *,
    fingerprint: Callable[[], str] | None = None,
) -> Want:
    """These objects are in the cluster; objects of an earlier run that are no longer wanted are gone.

    `name` is unique among what Slipway applies. `objects` is called at most once, and only when needed. A digest that
    is stored in the cluster shows whether they are the wanted ones: `fingerprint`'s where creating the objects is
    expensive or gives a different result each time, else that of the objects. Changes that others make to an object
    are left alone.
    """
    created: list[Sequence[Object]] = []

    def wanted(machine: Machine) -> Sequence[Object]:
        if not created:
            created.append(objects(machine))
        return created[0]

    def digest(machine: Machine) -> str:
        return fingerprint() if fingerprint else digest_of(dumped(wanted(machine)))

    def look(machine: Machine) -> Sight:
        record = _record(machine, name)
        if record is None:
            return Sight(False, f"{name} was not applied yet")
        if record.get("digest") != digest(machine):
            return Sight(False, f"{name} was applied with other contents")
        return _all_there(machine, record.get("objects", "").split())

    def act(machine: Machine) -> None:
        record = _record(machine, name) or {}
        _apply(machine, wanted(machine))
        now = [_reference(each) for each in wanted(machine)]
        _remove(machine, [each for each in record.get("objects", "").split() if each not in now])
        _send(machine, [_recorded(name, digest(machine), now)], "record")

    return Wanted(f"{name} is in the cluster", look, act)


def _record(machine: Machine, name: str) -> Mapping[str, str] | None:
    """The record of the last time it was applied, or None; raises NoAnswer when the API server does not answer.

    No answer must not count as None: then the objects of an earlier document would not be removed.
    """
    found = get_object(machine, "configmap", RECORD.format(name))
    return None if found is None else found.get("data")


def _recorded(name: str, digest: str, references: Sequence[str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": RECORD.format(name), "namespace": "kube-system"},
        "data": {"digest": digest, "objects": "\n".join(references)},
    }


def _reference(each: Object) -> str:
    """`namespace:kind.group/name`; the namespace is empty for objects without one."""
    group = str(each.get("apiVersion", "")).rpartition("/")[0]
    kind = each["kind"].lower() + (f".{group}" if group else "")
    return f"{each['metadata'].get('namespace', '')}:{kind}/{each['metadata']['name']}"


def _by_namespace(references: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    sorted_out: dict[str, list[str]] = {}
    for each in references:
        namespace, _, reference = each.partition(":")
        sorted_out.setdefault(namespace, []).append(reference)
    yield from sorted_out.items()


def _all_there(machine: Machine, references: Sequence[str]) -> Sight:
    for namespace, names in _by_namespace(references):
        answer = machine.ask(kubectl("get -n {} {} -o name", namespace or "default", words(names)))
        if not answer.ok and not is_missing(answer):
            raise no_answer(f"whether {', '.join(names)} exists", answer)
        if not answer.ok:
            return Sight(False, " ".join(answer.last_lines(1)))
    return Sight(True)


def _apply(machine: Machine, objects: Sequence[Object]) -> None:
    """Apply the kinds in FIRST, then the rest. The server merges; on a conflict our value of a field wins."""
    first = [each for each in objects if each["kind"] in FIRST]
    rest = [each for each in objects if each["kind"] not in FIRST]
    if first:
        _send(machine, first, "definitions")
        crds = [each["metadata"]["name"] for each in first if each["kind"] == "CustomResourceDefinition"]
        if crds:
            machine.do(kubectl("wait --for condition=established --timeout 15s crd {}", words(crds)))
    if rest:
        _send(machine, rest, "objects")


def _send(machine: Machine, objects: Sequence[Object], what: str) -> None:
    machine.note(f"applying {len(objects)} {what}")
    machine.do(
        kubectl("apply --server-side --force-conflicts --field-manager slipway -f -"), stdin=dumped(objects).encode()
    )


def _remove(machine: Machine, references: Sequence[str]) -> None:
    """Remove objects that are no longer wanted."""
    permanent = tuple(f":{kind.lower()}" for kind in FIRST)
    deleted = [each for each in references if not each.startswith(permanent)]
    for namespace, names in _by_namespace(deleted):
        machine.do(kubectl("delete --ignore-not-found -n {} {}", namespace or "default", words(names)))


def _no_manifest(where: str, why: str) -> SourceError:
    return SourceError(f"{where} is not a Kubernetes manifest: {why}.", hint="Is it the right file, and complete?")

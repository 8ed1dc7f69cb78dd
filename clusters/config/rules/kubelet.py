"""Rules on kubernetes.kubeletConfiguration: a kubelet does not start with what it cannot read, on no machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config.components.kubelet_fields import (
    CGROUP_DRIVERS,
    FIELDS,
    GC_DEFAULTS,
    KINDS,
    LATER,
    RESERVABLE,
    SIGNALS,
    SINCE,
    is_quantity,
    is_threshold,
    nearest_field,
)
from clusters.config.finding import error, warning
from clusters.config.rules.compatibility import kubernetes_of
from clusters.config.rules.registry import rule
from clusters.config.syntax import did_you_mean
from clusters.config.yaml.tree import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.kubernetes.kubeletConfiguration"
_KINDS_FOUND: dict[type, str] = {dict: "a mapping", list: "a list", tuple: "a list", type(None): "nothing"}


def settings(document: Document, *names: str) -> Iterator[tuple[str, Any]]:
    """Those of these fields that are said, and of their kind; nothing (null) takes a setting of Slipway's away."""
    configuration = document.kubernetes.kubelet_configuration
    for name in names:
        value = configuration.get(name)
        if value is not None and is_of(value, FIELDS[name]):
            yield name, value


def is_of(value: object, kind: type) -> bool:
    """Whether a value is of the kind that a field has; true and false are not numbers."""
    if kind is int:
        return type(value) is int
    if kind is float:
        return type(value) in (int, float)
    return isinstance(value, list | tuple) if kind is list else isinstance(value, kind)


def wrong_value(path: str, value: object, allowed: str, hint: str = "", *, hidden: bool = False) -> Finding:
    """A value that the kubelet does not take; `hidden` is a text that may hold a secret."""
    if isinstance(value, str):
        found = "a text" if hidden else shown(value)
    else:
        found = _KINDS_FOUND.get(type(value), str(value))
    name = path.removeprefix("spec.kubernetes.")
    message = f"{name} is {found}; the kubelet takes {allowed}."
    return error("kubernetes.kubelet_value", path, message, hint=hint, found=found, allowed=allowed)


@rule
def fields(document: Document) -> Iterator[Finding]:
    """Fields of kubelet's configuration are ones that it has; it leaves others out and starts all the same."""
    version = kubernetes_of(document)
    for name in document.kubernetes.kubelet_configuration:
        path = f"{_PATH}.{name}"
        if name not in FIELDS:
            meant = nearest_field(name)
            message = f"A kubelet's configuration has no field {shown(name)}: the kubelet leaves it out."
            hint = f"Did you mean {meant}?" if meant else "Fields are those of KubeletConfiguration v1beta1."
            yield warning("kubernetes.kubelet_field", path, message, hint=hint, found=shown(name))
        elif version is not None and (version.minor < SINCE.get(name, 0) or (version.minor <= 20 and name in LATER)):
            came = f"with v1.{SINCE[name]}" if name in SINCE else "after v1.20"
            message = f"{name} came {came}; the kubelet of {version} leaves it out."
            yield warning("kubernetes.kubelet_field_new", path, message, hint="Remove it.", found=name)


@rule
def kinds(document: Document) -> Iterator[Finding]:
    """What is said in kubelet's configuration is of the kind that the field has."""
    for name, value in document.kubernetes.kubelet_configuration.items():
        kind = FIELDS.get(name)
        if kind is not None and value is not None and not is_of(value, kind):
            yield wrong_value(f"{_PATH}.{name}", value, KINDS[kind], hidden=kind in (dict, list))


@rule
def numbers_and_words(document: Document) -> Iterator[Finding]:
    """Percentages, the number of pods and the cgroup driver are such as there are."""
    for name, value in settings(document, *GC_DEFAULTS):
        if not 0 <= value <= 100:
            yield wrong_value(f"{_PATH}.{name}", value, "0 to 100")
    for name, value in settings(document, "maxPods"):
        if value < 1:
            yield wrong_value(f"{_PATH}.{name}", value, "1 and more")
    for name, value in settings(document, "cgroupDriver"):
        if value not in CGROUP_DRIVERS:
            hint = did_you_mean(value, CGROUP_DRIVERS)
            yield wrong_value(f"{_PATH}.{name}", value, ", ".join(CGROUP_DRIVERS), hint)


@rule
def image_collection(document: Document) -> Iterator[Finding]:
    """Old images are removed from a higher threshold on down to a lower one."""
    said = dict(settings(document, *GC_DEFAULTS))
    high, low = (said.get(name, usual) for name, usual in GC_DEFAULTS.items())
    if said and low >= high and all(0 <= each <= 100 for each in said.values()):
        name = "imageGCLowThresholdPercent" if "imageGCLowThresholdPercent" in said else "imageGCHighThresholdPercent"
        other = "" if len(said) == len(GC_DEFAULTS) else " where nothing is said of it"
        message = f"Old images are removed from {high}% on, down to {low}%{other}: the kubelet wants low below high."
        hint = "Set both, imageGCHighThresholdPercent above imageGCLowThresholdPercent."
        found, allowed = f"{low} and {high}", "low below high"
        yield error("kubernetes.kubelet_gc_order", f"{_PATH}.{name}", message, hint=hint, found=found, allowed=allowed)


@rule
def eviction(document: Document) -> Iterator[Finding]:
    """Thresholds of eviction are of signals that there are, each an amount or a part of the whole."""
    names = ("evictionHard", "evictionSoft")
    yield from amounts_of(document, names, "signal of eviction", SIGNALS, is_threshold, "a text like 100Mi or 10%")


@rule
def soft_eviction(document: Document) -> Iterator[Finding]:
    """Each soft threshold says how long it may be exceeded."""
    given = {item.partition("=")[0].lstrip("-") for item in document.kubernetes.kubelet_args}
    grace = dict(settings(document, "evictionSoftGracePeriod")).get("evictionSoftGracePeriod", {})
    if "eviction-soft-grace-period" in given:
        return
    for name, thresholds in settings(document, "evictionSoft"):
        for signal in thresholds:
            if signal in SIGNALS and signal not in grace:
                message = f"evictionSoft says nothing of how long {signal} may be exceeded; the kubelet does not start."
                hint = f'Add evictionSoftGracePeriod: {{{signal}: "1m30s"}}.'
                at, allowed = f"{_PATH}.{name}.{signal}", f"{signal} in evictionSoftGracePeriod, too"
                yield error("kubernetes.kubelet_soft_grace", at, message, hint=hint, found="nothing", allowed=allowed)


@rule
def reserved(document: Document) -> Iterator[Finding]:
    """What is reserved for the machine and for Kubernetes are amounts of resources that can be."""
    names, what = ("kubeReserved", "systemReserved"), "resource that can be reserved"
    yield from amounts_of(document, names, what, RESERVABLE, is_quantity, "a text like 500m or 250Mi")


@rule
def gates(document: Document) -> Iterator[Finding]:
    """Feature gates in kubelet's configuration are true or false; which there are is a rule of their own."""
    for name, switches in settings(document, "featureGates"):
        for gate, on in switches.items():
            if not isinstance(on, bool):
                yield wrong_value(f"{_PATH}.{name}.{gate}", on, KINDS[bool])


def amounts_of(
    document: Document,
    names: tuple[str, ...],
    what: str,
    known: tuple[str, ...],
    is_amount: Callable[[object], bool],
    allowed: str,
) -> Iterator[Finding]:
    """Findings on mappings of a known name to an amount, which is text."""
    for name, amounts in settings(document, *names):
        for key, value in amounts.items():
            path = f"{_PATH}.{name}.{key}"
            if key not in known:
                yield _no_such(what, path, str(key), known)
            elif not is_amount(value):
                yield wrong_value(path, value, allowed, "Write it in quotes." if _is_bare(value) else "")


def _no_such(what: str, path: str, name: str, allowed: tuple[str, ...]) -> Finding:
    return error(
        "kubernetes.kubelet_name",
        path,
        f"{shown(name)} is no {what}; the kubelet does not start.",
        hint=did_you_mean(name, allowed),
        found=shown(name),
        allowed=", ".join(allowed),
    )


def _is_bare(value: object) -> bool:
    """A number where a text is wanted."""
    return type(value) in (int, float)

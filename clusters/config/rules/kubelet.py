"""Rules on kubernetes.kubeletConfiguration: the kubelet does not start on any machine with an invalid one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config.component_settings.kubelet_fields import (
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
from clusters.config.paths import joined
from clusters.config.rules.compatibility import kubernetes_of
from clusters.config.rules.registry import rule
from clusters.config.syntax import did_you_mean
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.kubernetes.kubeletConfiguration"
_KINDS_FOUND: dict[type, str] = {dict: "a mapping", list: "a list", tuple: "a list", type(None): "nothing"}


def settings(document: Document, *names: str) -> Iterator[tuple[str, Any]]:
    """Those of these fields that are set with the right type; null removes a setting of Slipway."""
    configuration = document.kubernetes.kubelet_configuration
    for name in names:
        value = configuration.get(name)
        if value is not None and is_of(value, FIELDS[name]):
            yield name, value


def is_of(value: object, kind: type) -> bool:
    """Whether a value has the type of a field; true and false are not numbers."""
    if kind is int:
        return type(value) is int
    if kind is float:
        return type(value) in (int, float)
    return isinstance(value, list | tuple) if kind is list else isinstance(value, kind)


def wrong_value(path: str, value: object, allowed: str, hint: str = "", *, hidden: bool = False) -> Finding:
    """The finding for a value that the kubelet rejects; `hidden`: the text may contain a secret."""
    if isinstance(value, str):
        found = "a text" if hidden else excerpt(value)
    else:
        found = _KINDS_FOUND.get(type(value), str(value))
    name = path.removeprefix("spec.kubernetes.")
    message = f"{name} is {found}; the kubelet accepts {allowed}."
    return error("kubernetes.kubelet_value", path, message, hint=hint, found=found, allowed=allowed)


@rule
def fields(document: Document) -> Iterator[Finding]:
    """Fields of the kubelet's configuration exist; the kubelet ignores unknown ones and starts."""
    version = kubernetes_of(document)
    for name in document.kubernetes.kubelet_configuration:
        path = f"{_PATH}.{name}"
        if name not in FIELDS:
            meant = nearest_field(name)
            message = f"The kubelet configuration has no field {excerpt(name)}; the kubelet ignores it."
            hint = f"Did you mean {meant}?" if meant else "Use fields of KubeletConfiguration v1beta1."
            yield warning("kubernetes.kubelet_field", path, message, hint=hint, found=excerpt(name))
        elif version is not None and (version.minor < SINCE.get(name, 0) or (version.minor <= 20 and name in LATER)):
            came = f"in v1.{SINCE[name]}" if name in SINCE else "after v1.20"
            message = f"{name} was added {came}; the kubelet of {version} ignores it."
            yield warning("kubernetes.kubelet_field_new", path, message, hint="Remove it.", found=name)


@rule
def kinds(document: Document) -> Iterator[Finding]:
    """Values in the kubelet's configuration have the type of their field."""
    for name, value in document.kubernetes.kubelet_configuration.items():
        kind = FIELDS.get(name)
        if kind is not None and value is not None and not is_of(value, kind):
            yield wrong_value(f"{_PATH}.{name}", value, KINDS[kind], hidden=kind in (dict, list))


@rule
def numbers_and_words(document: Document) -> Iterator[Finding]:
    """Percentages, the number of pods and the cgroup driver are valid."""
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
    """Image garbage collection starts at a high threshold and stops at a lower one."""
    set_values = dict(settings(document, *GC_DEFAULTS))
    high, low = (set_values.get(name, usual) for name, usual in GC_DEFAULTS.items())
    if set_values and low >= high and all(0 <= each <= 100 for each in set_values.values()):
        name = (
            "imageGCLowThresholdPercent"
            if "imageGCLowThresholdPercent" in set_values
            else "imageGCHighThresholdPercent"
        )
        other = "" if len(set_values) == len(GC_DEFAULTS) else " (default)"
        message = f"Image removal starts at {high}% and stops at {low}%{other}; the kubelet requires low below high."
        hint = "Set imageGCHighThresholdPercent above imageGCLowThresholdPercent."
        found, allowed = f"{low} and {high}", "low below high"
        yield error("kubernetes.kubelet_gc_order", f"{_PATH}.{name}", message, hint=hint, found=found, allowed=allowed)


@rule
def eviction(document: Document) -> Iterator[Finding]:
    """Eviction thresholds use known signals, each with an amount or a percentage."""
    names = ("evictionHard", "evictionSoft")
    yield from amounts_of(document, names, "an eviction signal", SIGNALS, is_threshold, "a text like 100Mi or 10%")


@rule
def soft_eviction(document: Document) -> Iterator[Finding]:
    """Each soft threshold has a grace period."""
    given = {item.partition("=")[0].lstrip("-") for item in document.kubernetes.kubelet_args}
    grace = dict(settings(document, "evictionSoftGracePeriod")).get("evictionSoftGracePeriod", {})
    if "eviction-soft-grace-period" in given:
        return
    for name, thresholds in settings(document, "evictionSoft"):
        for signal in thresholds:
            if signal in SIGNALS and signal not in grace:
                message = f"evictionSoft has no grace period for {signal}; the kubelet does not start."
                hint = f'Add evictionSoftGracePeriod: {{{signal}: "1m30s"}}.'
                at, allowed = joined(_PATH, name, signal), f"{signal} in evictionSoftGracePeriod, too"
                yield error("kubernetes.kubelet_soft_grace", at, message, hint=hint, found="nothing", allowed=allowed)


@rule
def reserved(document: Document) -> Iterator[Finding]:
    """Reservations for the machine and for Kubernetes are amounts of reservable resources."""
    names, what = ("kubeReserved", "systemReserved"), "a reservable resource"
    yield from amounts_of(document, names, what, RESERVABLE, is_quantity, "a text like 500m or 250Mi")


@rule
def gates(document: Document) -> Iterator[Finding]:
    """Feature gates in the kubelet's configuration are true or false; a separate rule checks their names."""
    for name, switches in settings(document, "featureGates"):
        for gate, on in switches.items():
            if not isinstance(on, bool):
                yield wrong_value(joined(_PATH, name, gate), on, KINDS[bool])


def amounts_of(
    document: Document,
    names: tuple[str, ...],
    what: str,
    known: tuple[str, ...],
    is_amount: Callable[[object], bool],
    allowed: str,
) -> Iterator[Finding]:
    """Findings on mappings of known names to amounts, which are text."""
    for name, amounts in settings(document, *names):
        for key, value in amounts.items():
            path = joined(_PATH, name, key)
            if key not in known:
                yield _no_such(what, path, str(key), known)
            elif not is_amount(value):
                yield wrong_value(path, value, allowed, "Write it in quotes." if _is_bare(value) else "")


def _no_such(what: str, path: str, name: str, allowed: tuple[str, ...]) -> Finding:
    return error(
        "kubernetes.kubelet_name",
        path,
        f"{excerpt(name)} is not {what}; the kubelet does not start.",
        hint=did_you_mean(name, allowed),
        found=excerpt(name),
        allowed=", ".join(allowed),
    )


def _is_bare(value: object) -> bool:
    """Whether the value is a number where text is required."""
    return type(value) in (int, float)

"""Rules on values in the kubelet's configuration that kubelets rejected in tests: ranges, words, nested types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config.component_settings.kubelet_fields import (
    DURATIONS,
    ENFORCEABLE,
    ITEMS,
    KINDS,
    NESTED,
    RANGES,
    SIGNALS,
    SWAP_BEHAVIORS,
    TEXTS,
    UNLIMITED_SWAP_GONE,
    WORDS,
    is_duration,
    is_quantity,
    is_threshold,
)
from clusters.config.finding import error
from clusters.config.kubernetes_versions import has_dockershim
from clusters.config.paths import joined
from clusters.config.rules.compatibility import kubernetes_of
from clusters.config.rules.kubelet import amounts_of, is_of, settings, wrong_value
from clusters.config.rules.registry import rule
from clusters.config.syntax import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.kubernetes.kubeletConfiguration"
_A_DURATION = "a duration like 1m30s"


@rule
def ranges(document: Document) -> Iterator[Finding]:
    """Numbers are in the kubelet's range."""
    version = kubernetes_of(document)
    # With dockershim, Docker manages the log files, and the kubelet does not check their number.
    to_docker = document.kubernetes.container_manager == "docker" and (version is None or has_dockershim(version))
    for name, value in settings(document, *RANGES):
        if name == "containerLogMaxFiles" and to_docker:
            continue
        least, most = RANGES[name]
        if value < least or (most is not None and value > most):
            allowed = f"{least} and more" if most is None else f"{least} to {most}"
            yield wrong_value(f"{_PATH}.{name}", value, allowed)


@rule
def words(document: Document) -> Iterator[Finding]:
    """Policies are known to the kubelet; an empty one means the default."""
    for name, value in settings(document, *WORDS):
        if value and value not in WORDS[name]:
            yield wrong_value(f"{_PATH}.{name}", value, ", ".join(WORDS[name]), did_you_mean(value, WORDS[name]))


@rule
def durations(document: Document) -> Iterator[Finding]:
    """Durations have a number and a unit."""
    for name, value in settings(document, *sorted(DURATIONS)):
        if not is_duration(value):
            yield wrong_value(f"{_PATH}.{name}", value, _A_DURATION)
    for name, periods in settings(document, "evictionSoftGracePeriod"):
        for signal, value in periods.items():
            if isinstance(value, str) and not is_duration(value):
                yield wrong_value(joined(_PATH, name, signal), value, _A_DURATION)


@rule
def reclaim(document: Document) -> Iterator[Finding]:
    """Minimum reclaims use known eviction signals with amounts."""

    def is_amount(value: object) -> bool:
        return is_quantity(value) or is_threshold(value)

    yield from amounts_of(
        document, ("evictionMinimumReclaim",), "an eviction signal", SIGNALS, is_amount, "a text like 100Mi or 10%"
    )


@rule
def nested_kinds(document: Document) -> Iterator[Finding]:
    """Values in mappings and lists have the type that the kubelet requires."""
    configuration = document.kubernetes.kubelet_configuration
    for path, kind in NESTED.items():
        value = _within(configuration, path.split("."))
        if value is not None and not is_of(value, kind):
            yield wrong_value(f"{_PATH}.{path}", value, KINDS[kind], hidden=kind is dict)
    for name, texts in settings(document, *TEXTS):
        for key, value in texts.items():
            if not isinstance(value, str):
                yield wrong_value(joined(_PATH, name, key), value, "a text, in quotes")
    for name, items in settings(document, *ITEMS):
        for index, item in enumerate(items):
            if not is_of(item, ITEMS[name]):
                yield wrong_value(f"{_PATH}.{name}.{index}", item, KINDS[ITEMS[name]], hidden=ITEMS[name] is dict)


@rule
def swap(document: Document) -> Iterator[Finding]:
    """This kubelet has the swap behavior."""
    version = kubernetes_of(document)
    value = _within(document.kubernetes.kubelet_configuration, ["memorySwap", "swapBehavior"])
    gone = version is not None and version.minor >= UNLIMITED_SWAP_GONE
    allowed = SWAP_BEHAVIORS[:2] if gone else SWAP_BEHAVIORS
    if isinstance(value, str) and value and value not in allowed:
        yield wrong_value(f"{_PATH}.memorySwap.swapBehavior", value, ", ".join(allowed), did_you_mean(value, allowed))


@rule
def enforced(document: Document) -> Iterator[Finding]:
    """Enforced limits are known, and each enforced reservation has a control group."""
    given = {line.partition("=")[0].strip().lstrip("-") for line in document.kubernetes.kubelet_args}
    configuration = document.kubernetes.kubelet_configuration
    for name, items in settings(document, "enforceNodeAllocatable"):
        for index, item in enumerate(items):
            path = f"{_PATH}.{name}.{index}"
            if not isinstance(item, str) or item in ("pods", "none", ""):
                continue
            if item not in ENFORCEABLE:
                yield wrong_value(path, item, ", ".join(ENFORCEABLE), did_you_mean(item, ENFORCEABLE))
                continue
            of = item.removesuffix("-compressible").removesuffix("-reserved")
            field, flag = f"{of}ReservedCgroup", f"{of}-reserved-cgroup"
            if not configuration.get(field) and flag not in given:
                message = f"enforceNodeAllocatable contains {item}, but {field} is missing; the kubelet does not start."
                hint, allowed = f"Add {field}, or remove {item}.", f"{field}, too"
                yield error("kubernetes.kubelet_cgroup", path, message, hint=hint, found="nothing", allowed=allowed)


def _within(whole: dict[str, Any], names: list[str]) -> Any:
    """The value at this path, or None."""
    value: Any = whole
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value

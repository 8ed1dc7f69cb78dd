"""Rules on addons: each has a unique name and something to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.addresses import read_address
from clusters.config.finding import error
from clusters.config.rules.registry import rule
from clusters.config.sections.system import Chart
from clusters.config.syntax import NAME_RULE, is_domain
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

LONGEST_RELEASE = 53
"""Letters of a Helm release's name. Source: Helm."""


@rule
def names(document: Document) -> Iterator[Finding]:
    """Addons and their namespaces have names that Kubernetes and Helm accept."""
    seen: set[tuple[str, str]] = set()
    for index, addon in enumerate(document.addons):
        path = f"spec.addons.{index}"
        if not is_domain(addon.name, LONGEST_RELEASE):
            found = excerpt(addon.name) if addon.name else "nothing"
            message = f"An addon needs a name, found {found}."
            yield error("addon.name_syntax", f"{path}.name", message, hint=NAME_RULE, found=found, allowed=NAME_RULE)
        elif (addon.namespace, addon.name) in seen:
            message = f"The addon {addon.name} occurs twice in {addon.namespace}."
            allowed = "each name once"
            yield error("addon.name_duplicate", f"{path}.name", message, found=addon.name, allowed=allowed)
        seen.add((addon.namespace, addon.name))
        if not is_domain(addon.namespace, 63) or "." in addon.namespace:
            message = f"{excerpt(addon.namespace)} is not a valid namespace name."
            found = excerpt(addon.namespace)
            yield error("addon.namespace_syntax", f"{path}.namespace", message, found=found, allowed=NAME_RULE)


def _is_repository(text: str) -> bool:
    """Whether it is a URL of a chart repository, perhaps with a login in it."""
    address = read_address(text)
    return address is not None and address.scheme in ("http", "https", "oci") and bool(address.host)


@rule
def sources(document: Document) -> Iterator[Finding]:
    """Every addon has a chart or manifests, and every chart has a location."""
    for index, addon in enumerate(document.addons):
        path, chart = f"spec.addons.{index}.sources", addon.sources.chart
        called = addon.name or f"number {index + 1}"
        if chart == Chart() and not addon.sources.yaml.path:
            message = f"The addon {called} has neither a chart nor manifests."
            yield error("addon.no_source", path, message, found="nothing", allowed="chart or yaml")
        elif chart != Chart() and not (chart.path or (chart.name and chart.repo)):
            message = f"The chart of {called} has no location."
            hint = "Give its name and repo, or its path."
            yield error("addon.chart_nowhere", f"{path}.chart", message, hint=hint, allowed="name and repo, or path")
        elif chart.repo and not _is_repository(chart.repo):
            # The address may contain a password, so the message does not repeat it.
            message = f"The repository of {called}'s chart is not an address that Helm supports."
            hint, allowed = "Write it like https://charts.example.com/stable.", "a URL of http, https or oci"
            yield error("addon.repo_syntax", f"{path}.chart.repo", message, hint=hint, found="text", allowed=allowed)
        for key, number in (("retries", addon.retries), ("delay", addon.delay)):
            if number < 0:
                message = f"{key} of {called} is {number}."
                at = f"spec.addons.{index}.{key}"
                yield error("addon.range", at, message, found=str(number), allowed="0 and more")

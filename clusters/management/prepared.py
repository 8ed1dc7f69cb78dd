"""Shows on the terminal what a recipe's document has that the file does not: values and findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.recipe import as_it_is
from clusters.services import order_differences, order_findings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.services import Order


def changed_values(order: Order, stored: str) -> Iterator[str]:
    """Each value that the recipe changes, with masks for secrets; `stored` is the text of the document before."""
    if not order.has_own_document:
        return
    yield f"{order.recipe.title} changes these values of the document for this run:"
    for each in order_differences(order, stored):
        yield f"  {each.path}: {each.theirs} -> {each.mine}"


def machines_of(order: Order) -> Document:
    """The document of the order with only those machines that take part in its recipe: the run logs in to no others."""
    if order.recipe.machines is None:
        return order.document
    names = set(order.recipe.machines(order.document, order.answers))
    return order.document.model_copy(
        update={"hosts": tuple(host for host in order.document.hosts if host.name in names)}
    )


def new_findings(order: Order, waivers: Collection[str]) -> tuple[Finding, ...]:
    """What is found in the recipe's document alone, and which waivers have no effect in it.

    Of a recipe that never makes a document, both are known from the file.
    """
    if order.recipe.prepare is as_it_is:
        return ()
    return order_findings(order, waivers, at_terminal=True).fresh

"""What an order brings that the cluster's document does not have: findings, texts that run as root, and values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from clusters.config.root_texts import root_texts
from clusters.services.differences import differences, nothing
from clusters.services.findings import findings_of
from clusters.services.masked_texts import masks_for
from clusters.services.waivers import judged, unread, waiver_key

if TYPE_CHECKING:
    from collections.abc import Collection

    from clusters.config.finding import Finding
    from clusters.config.root_texts import RootText
    from clusters.services.differences import Difference
    from clusters.services.orders import Order


@dataclass(frozen=True, slots=True)
class OrderFindings:
    """`fresh` are findings of the order's document alone, `shared` those that the document before has, too.

    Errors that somebody waived are `waived` in both. `texts` are the root texts of the order's document alone.
    """

    fresh: tuple[Finding, ...]
    shared: tuple[Finding, ...]
    texts: tuple[RootText, ...] = field(repr=False)


def order_findings(order: Order, waivers: Collection[str] = (), *, at_terminal: bool = False) -> OrderFindings:
    """What is found in the document of the order; a finding is the same one when its acknowledgement would be."""
    found = judged(order.cluster, findings_of(order.cluster, order.document, waivers, at_terminal=at_terminal))
    before = {waiver_key(each) for each in findings_of(order.cluster, order.before, at_terminal=at_terminal)}
    read_before = {text.digest for text in root_texts(order.before)}
    return OrderFindings(
        fresh=tuple(each for each in found if waiver_key(each) not in before),
        shared=tuple(each for each in found if waiver_key(each) in before),
        texts=tuple(text for text in root_texts(order.document) if text.digest not in read_before),
    )


def is_open(order: Order, findings: tuple[Finding, ...]) -> bool:
    """Whether one of these findings blocks, or is a warning that nobody has acknowledged."""
    return any(each.blocking for each in findings) or bool(unread(order.cluster, findings))


def order_differences(order: Order, stored: str) -> list[Difference]:
    """Each value in which the two documents differ, with masks for every secret of both; `stored` is the text before.

    A secret that is a whole value is named as one; others are masked wherever they stand. What is empty in both,
    though in another way, is left out.
    """
    masks = masks_for(stored, order.cluster.document)
    shown = []
    for each in differences(order.before, order.document):
        theirs, mine = masks.text(each.theirs), masks.text(each.mine)
        if theirs != mine:
            shown.append(replace(each, theirs=theirs, mine=mine))
        elif theirs != nothing():
            shown.append(replace(each, theirs=theirs, mine=f"{mine} {_('(another secret)')}"))
    return shown

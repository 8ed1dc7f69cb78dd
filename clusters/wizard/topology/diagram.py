"""The topology as a diagram: boxes with positions; the template renders them as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.config.load_balancers import has_proxies
from clusters.config.topology import all_roles, endpoint_address, load_balancer, members

if TYPE_CHECKING:
    from clusters.config.schema import Document

WIDTH = 640
_ACROSS = 4
_BOX = 144
_GAP = 16
_LINE = 84
_TOP = 76
MOST = 24


@dataclass(frozen=True, slots=True)
class Box:
    """A machine in the diagram; x and y are its upper left corner."""

    name: str
    label: str
    x: int
    y: int
    etcd: bool
    master: bool
    worker: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """The diagram: `more` machines did not fit, `words` is the text alternative."""

    width: int
    height: int
    endpoint: str
    boxes: tuple[Box, ...]
    lines: tuple[str, ...]
    more: int
    words: str


def draw(document: Document) -> Drawing:
    """Control planes first, then etcd, then workers; at most 24 boxes."""
    roles = all_roles(document)
    order = sorted(roles, key=lambda name: ("master" not in roles[name], "etcd" not in roles[name]))
    shown = order[:MOST]
    boxes = []
    for place, name in enumerate(shown):
        down, across = divmod(place, _ACROSS)
        count = min(_ACROSS, len(shown) - down * _ACROSS)
        left = (WIDTH - count * _BOX - (count - 1) * _GAP) // 2
        has = roles[name]
        label = name if len(name) <= 16 else f"{name[:15]}…"
        x, y = left + across * (_BOX + _GAP), _TOP + down * _LINE
        boxes.append(Box(name, label, x, y, "etcd" in has, "master" in has, "worker" in has))
    height = _TOP + -(-len(shown) // _ACROSS) * _LINE - _GAP
    reached = _reached(document)
    lines = tuple(
        f"M{WIDTH // 2} 44 V58 H{box.x + _BOX // 2} V{box.y}" for box in boxes if box.name in reached and box.y == _TOP
    )
    words = "; ".join(f"{name}: {', '.join(roles[name]) or 'no role'}" for name in shown)
    return Drawing(
        WIDTH,
        height,
        _endpoint(document),
        tuple(boxes),
        lines,
        len(order) - len(shown),
        words,
    )


def _reached(document: Document) -> set[str]:
    """The control planes behind the endpoint: all of them, or the one with its address."""
    masters = members(document, "master")
    if load_balancer(document) != "none":
        return {host.name for host in masters}
    where = endpoint_address(document)
    return {host.name for host in masters if where in (host.address, *host.node_addresses)}


def _endpoint(document: Document) -> str:
    endpoint = f"{document.control_plane_endpoint.domain}:{document.control_plane_endpoint.port}"
    if has_proxies(document):
        return f"{endpoint} → {load_balancer(document)}"
    where = "" if load_balancer(document) == "dns" else endpoint_address(document)
    return f"{endpoint} → {where}" if where else endpoint

"""Visitor: fills in the wizard's forms as a browser would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse

from clusters.services import document_of

if TYPE_CHECKING:
    from django.test import Client
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

    from clusters.config.schema import Document
    from clusters.models import Cluster


FIELDS = ("name", "address", "internal_address", "port", "user", "arch")


class Visitor:
    """One person's view of one draft."""

    def __init__(self, client: Client, cluster: Cluster) -> None:
        self.client = client
        self.cluster = cluster

    def address(self, slug: str) -> str:
        """The page's address."""
        return reverse("wizard", args=[self.cluster.pk, slug])

    def get(self, slug: str) -> Any:
        """Open a page."""
        return self.client.get(self.address(slug))

    def post(self, slug: str, data: dict[str, Any], *, htmx: bool = False, version: int | None = None) -> Response:
        """Press Next, or with `htmx` let the page save itself."""
        self.cluster.refresh_from_db()
        sent = {"draft_version": self.cluster.version if version is None else version, **data}
        headers = {"HX-Request": "true"} if htmx else {}
        return self.client.post(self.address(slug), sent, headers=headers)

    def document(self) -> Document:
        """What is stored now."""
        self.cluster.refresh_from_db()
        return document_of(self.cluster)

    def machines(self, **changes: str) -> dict[str, Any]:
        """The machines page as it is shown, with changes; `h0_name` stands for `host-0-name`."""
        document = self.document()
        data: dict[str, Any] = {}
        for place, host in enumerate(document.hosts):
            data |= self.row(place, place, **{key: getattr(host, key) for key in FIELDS})
        for key, value in changes.items():
            place_name, _, field = key.partition("_")
            data[f"host-{place_name[1:]}-{field}" if place_name[1:].isdigit() else key] = value
        return data

    def row(self, number: int, place: int | None, **fields: Any) -> dict[str, Any]:
        """One posted row: number in the page, and place in the document; None for a new one."""
        token = "" if place is None else f"{place}:{self.document().hosts[place].name}"
        values = {"port": 22, "user": "root", "address": "", "internal_address": "", "arch": "amd64", **fields}
        return {f"host-{number}-row": token, **{f"host-{number}-{key}": value for key, value in values.items()}}

    def many(self, tail: str, data: dict[str, Any] | None = None, *, htmx: bool = False) -> Any:
        """Open a page for many machines, or post to it."""
        address = f"{self.address('machines')}{tail}"
        if data is None:
            return self.client.get(address)
        self.cluster.refresh_from_db()
        headers = {"HX-Request": "true"} if htmx else {}
        return self.client.post(address, {"draft_version": self.cluster.version, **data}, headers=headers)

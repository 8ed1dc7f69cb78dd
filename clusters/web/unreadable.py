"""Every page of a cluster whose stored document cannot be read shows the reason instead."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.shortcuts import render

from clusters.runs.documents import UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


class UnreadableDocuments:
    """Middleware: a document was stored under the limits of its time, which may differ from today's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A page with the error; None for any other error."""
        if not isinstance(exception, UnreadableDocument):
            return None
        match = request.resolver_match
        of_cluster = match is not None and (match.route or "").startswith("clusters/<int:pk>/")
        context = {"error": exception, "cluster": match.kwargs["pk"] if match and of_cluster else None}
        return render(request, "clusters/unreadable.html", context, status=HTTPStatus.CONFLICT)

"""Acknowledging texts that run as root: one with secrets only after the password, which unmasks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from clusters import services
from clusters.selectors import cluster_for
from clusters.web.passwords import password_again
from clusters.wizard.pages.review import texts_shown

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clusters.services.requests import UserRequest


def _is_masked(request: UserRequest) -> bool:
    """Whether the text was shown with masks: the user has not read the masked parts."""
    cluster = cluster_for(request.user, request.resolver_match.kwargs["pk"])
    texts = texts_shown(cluster, services.document_of(cluster))
    return any(text.masked for text in texts if text.digest == request.POST.get("digest", ""))


@require_POST
@password_again(when=_is_masked)
def acknowledge(request: UserRequest, pk: int) -> HttpResponse:
    """Record that a text that runs as root was read; a text that has changed meanwhile is shown again instead."""
    cluster = cluster_for(request.user, pk)
    if not services.text_acknowledge(actor=request.user, cluster=cluster, digest=request.POST.get("digest", "")):
        messages.error(request, _("The text has changed since this page was opened. Read the new version."))
    elif not request.htmx:
        messages.success(request, _("Acknowledged."))
    return redirect("wizard", pk, "review")

"""Notifications when runs end: which channels are configured, and a test of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from clusters import services
from clusters.selectors import notification_channels
from clusters.web.views.clusters import say

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clusters.services.requests import UserRequest


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def notices(request: UserRequest) -> HttpResponse:
    """The channels with their last tests, as part of a page; a POST sends tests. Without JavaScript it redirects."""
    problem = None
    if request.method == "POST":
        try:
            services.notices_test(actor=request.user)
        except services.NotPossible as error:
            problem = error
        if not request.headers.get("HX-Request"):
            if problem is not None:
                say(request, problem)
            return redirect("clusters")
    context = {"channels": notification_channels(), "problem": problem}
    return render(request, "clusters/_channels.html", context)

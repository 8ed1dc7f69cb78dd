"""The wizard's addresses, and empty pages for those it only links to."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def empty(request: HttpRequest, **_: object) -> HttpResponse:
    """A page of another part of the product."""
    return HttpResponse("")


urlpatterns = [
    path("", empty, name="clusters"),
    path("clusters/<int:pk>/config.yaml", empty, name="cluster-config"),
    path("clusters/<int:pk>/install/", empty, name="cluster-install"),
    path("runs/<int:pk>/", empty, name="run"),
    path("credentials/", empty, name="credentials"),
    path("accounts/login/", empty, name="login"),
    path("accounts/logout/", empty, name="logout"),
    path("accounts/password/", empty, name="password_change"),
    path("", include("clusters.wizard.urls")),
]

"""The addresses: health, admin, and the pages of `clusters.web`."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.generic import RedirectView

from clusters.web.views import accounts


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Plain "ok" when the database answers; nothing about its content."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    path("healthz", healthz, name="healthz"),
    # The admin's own pages for these would have no limits for passwords.
    path("admin/login/", accounts.admin_sign_in),
    path("admin/logout/", accounts.SignOut.as_view()),
    path("admin/password_change/", RedirectView.as_view(pattern_name="password_change")),
    path("admin/", admin.site.urls),
    path("", include("clusters.web.urls")),
]

"""AdminSite: the admin's pages, with a response to a query on which Django's code would fail."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import TO_FIELD_VAR
from django.http import HttpResponseBadRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase


class AdminSite(admin.AdminSite):
    """Django looks up the field that `_to_field` names, even when it is empty."""

    def admin_view(self, view: Callable[..., HttpResponseBase], cacheable: bool = False) -> Any:
        """A page of the admin."""

        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
            if request.GET.get(TO_FIELD_VAR) == "" or request.POST.get(TO_FIELD_VAR) == "":
                text = f"{TO_FIELD_VAR} is empty; it must name a field or be left out.\n"
                return HttpResponseBadRequest(text, content_type="text/plain; charset=utf-8")
            return view(request, *args, **options)

        return super().admin_view(checked, cacheable)

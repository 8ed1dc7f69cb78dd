"""The read-only admin; encrypted values are neither shown nor editable. Accounts can be edited here, but not
deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clusters import services
from clusters.errors import InstallerError
from clusters.models import Account, AuditEntry, Cluster, HostKey, Notice, Run
from clusters.selectors import note_if_foreign
from clusters.services.requests import user_in
from clusters.web.passwords import password_again

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    # Of several models each.
    _ModelAdmin = admin.ModelAdmin[Any]
    _UserAdmin = UserAdmin[User]
else:
    # Django's classes take no types when they run.
    _ModelAdmin, _UserAdmin = admin.ModelAdmin, UserAdmin

admin.site.unregister(get_user_model())
admin.site.unregister(Group)


class ReadOnly(_ModelAdmin):
    """A read-only admin, because all changes go through services."""

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


class PartOfCluster(ReadOnly):
    """Objects of clusters. Opening one of another owner writes an audit entry, like the pages of clusters.

    Every view of one object fetches it with `get_object`, however its key is spelled.
    """

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Write the audit entry before the object is shown, unless the user has no permission to see it."""
        found = super().get_object(request, object_id, from_field)
        cluster = self.cluster_of(found) if found is not None else None
        if cluster is not None and self.has_view_permission(request, found):
            note_if_foreign(request.user, cluster)
        return found

    def cluster_of(self, found: Any) -> Cluster | None:
        """The cluster of an object."""
        cluster: Cluster | None = found.cluster
        return cluster


@admin.register(Cluster)
class ClusterAdmin(PartOfCluster):
    """Clusters without document and kubeconfig."""

    list_display = ("name", "owner", "state", "version", "updated_at")
    list_filter = ("state",)
    search_fields = ("name",)
    exclude = ("document", "kubeconfig")

    def cluster_of(self, found: Any) -> Cluster | None:
        """The cluster itself."""
        cluster: Cluster = found
        return cluster


@admin.register(Run)
class RunAdmin(PartOfCluster):
    """Runs without their document."""

    list_display = ("id", "cluster", "recipe", "state", "attempt", "asked_by", "started_at", "finished_at", "worker")
    list_filter = ("state", "recipe")
    list_select_related = ("cluster", "asked_by")
    exclude = ("document",)


@admin.register(Notice)
class NoticeAdmin(PartOfCluster):
    """Notifications about the ends of runs, and delivery failures."""

    list_display = ("run", "way", "state", "tries", "due_at", "sent_at", "error")
    list_filter = ("state", "way")
    list_select_related = ("run", "run__cluster")

    def cluster_of(self, found: Any) -> Cluster | None:
        """The cluster of the run; a test notification has none."""
        return found.run.cluster if found.run is not None else None


@admin.register(AuditEntry)
class AuditAdmin(ReadOnly):
    """Who did what; the page /audit/ has filters and downloads."""

    list_display = ("number", "at", "actor_name", "deed", "target", "outcome", "address", "details")
    list_filter = ("outcome", "deed")


@admin.register(HostKey)
class HostKeyAdmin(PartOfCluster):
    """Pinned host keys."""

    list_display = ("address", "port", "fingerprint", "cluster", "accepted_by", "accepted_at")
    list_select_related = ("cluster", "accepted_by")


@admin.register(Account)
class AccountAdmin(ReadOnly):
    """Users who still have a one-time password."""

    list_display = ("user", "must_change_password", "one_time_since")


class Administered(_ModelAdmin):
    """Accounts and their permissions: every page requires the password, like secrets.

    Only administrators may open them, because editing accounts can make any account an administrator.
    """

    def get_urls(self) -> list[URLPattern]:
        """All pages, including those of future Django versions."""
        found: list[URLPattern] = super().get_urls()
        for each in found:
            each.callback = password_again(each.callback, when=self.admin_site.has_permission)
        return found

    def has_module_permission(self, request: Any) -> bool:
        return _is_administrator(request)

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return _is_administrator(request)

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return _is_administrator(request)

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return _is_administrator(request)

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return _is_administrator(request)


@admin.register(Group)
class CrewAdmin(Administered, GroupAdmin):
    """Groups and their permissions."""


@admin.register(get_user_model())
class PeopleAdmin(Administered, _UserAdmin):
    """Accounts. A password set by an administrator is a one-time password: the owner must replace it at login.

    Accounts are deactivated but not deleted, so that records keep their user. Users change their own password on the
    page that requires the old one.
    """

    actions = ("deactivate",)

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    @admin.action(description=gettext_lazy("Deactivate the selected accounts"), permissions=["change"])
    def deactivate(self, request: HttpRequest, users: QuerySet[Any]) -> None:
        """Prevent logins with these accounts and end their sessions."""
        try:
            names = services.accounts_deactivate(actor=user_in(request), users=list(users))
        except InstallerError as error:
            self.message_user(request, error.with_hint, messages.ERROR)
            return
        self.message_user(request, _("Deactivated: %s.") % (", ".join(names) or _("none")), messages.SUCCESS)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Give a new account a one-time password."""
        super().save_model(request, obj, form, change)
        if not change:
            services.one_time_password_given(actor=user_in(request), user=obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Give an account a one-time password when another user replaces its password."""
        user = self.get_object(request, unquote(id))
        if user is not None and user.pk == request.user.pk:
            return redirect(settings.SLIPWAY_PASSWORD_URL)
        with transaction.atomic():
            answer = super().user_change_password(request, id, form_url)
            if answer.status_code == 302 and user is not None:
                services.one_time_password_given(actor=user_in(request), user=user)
        return answer


def _is_administrator(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)

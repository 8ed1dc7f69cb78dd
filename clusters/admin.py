"""The admin: what there is, for looking; nothing that is encrypted is shown or can be edited. Accounts are edited here,
and never deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clusters import services
from clusters.errors import InstallerError
from clusters.models import Account, AuditEntry, Cluster, HostKey, Notice, Run
from clusters.numbers import whole_number
from clusters.selectors import cluster_for, run_for

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

admin.site.unregister(get_user_model())


class ReadOnly(admin.ModelAdmin):
    """Everything goes through services; the admin only looks."""

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


@admin.register(Cluster)
class ClusterAdmin(ReadOnly):
    """Clusters without document and kubeconfig."""

    list_display = ("name", "owner", "state", "version", "updated_at")
    list_filter = ("state",)
    search_fields = ("name",)
    exclude = ("document", "kubeconfig")

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **options: Any) -> HttpResponse:
        """Looking at somebody else's cluster here is written into the audit as on its own page."""
        if request.user.is_superuser and (number := whole_number(object_id)) is not None:
            cluster_for(request.user, number)
        return super().change_view(request, object_id, *args, **options)


@admin.register(Run)
class RunAdmin(ReadOnly):
    """Runs without their document."""

    list_display = ("id", "cluster", "recipe", "state", "attempt", "asked_by", "started_at", "finished_at", "worker")
    list_filter = ("state", "recipe")
    list_select_related = ("cluster", "asked_by")
    exclude = ("document",)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **options: Any) -> HttpResponse:
        """Looking at somebody else's run here is written into the audit as on its own page."""
        if request.user.is_superuser and (number := whole_number(object_id)) is not None:
            run_for(request.user, number)
        return super().change_view(request, object_id, *args, **options)


@admin.register(Notice)
class NoticeAdmin(ReadOnly):
    """What was told of the ends of runs, and what did not get through."""

    list_display = ("run", "way", "state", "tries", "due_at", "sent_at", "error")
    list_filter = ("state", "way")
    list_select_related = ("run", "run__cluster")


@admin.register(AuditEntry)
class AuditAdmin(ReadOnly):
    """Who did what; the page /audit/ has filters and downloads."""

    list_display = ("number", "at", "actor_name", "deed", "target", "outcome", "address", "details")
    list_filter = ("outcome", "deed")


@admin.register(HostKey)
class HostKeyAdmin(ReadOnly):
    """Pinned host keys."""

    list_display = ("address", "port", "fingerprint", "cluster", "accepted_by", "accepted_at")
    list_select_related = ("cluster", "accepted_by")


@admin.register(Account)
class AccountAdmin(ReadOnly):
    """Who still has a one-time password."""

    list_display = ("user", "must_change_password", "one_time_since")


@admin.register(get_user_model())
class PeopleAdmin(UserAdmin):
    """Accounts. A password that an administrator types is for one time: its owner chooses another one first.

    They are deactivated and never deleted: what somebody did stays theirs.
    """

    actions = ("deactivate",)

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    @admin.action(description=gettext_lazy("Deactivate the selected accounts"), permissions=["change"])
    def deactivate(self, request: HttpRequest, users: QuerySet[Any]) -> None:
        """Nobody can log in with them any longer, and their sessions end."""
        try:
            names = services.accounts_deactivate(actor=request.user, users=list(users))
        except InstallerError as error:
            self.message_user(request, f"{error.message} {error.hint}".strip(), messages.ERROR)
            return
        self.message_user(request, _("Deactivated: %s.") % (", ".join(names) or _("nobody")), messages.SUCCESS)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """A new account begins with a one-time password."""
        super().save_model(request, obj, form, change)
        if not change:
            services.one_time_password_given(actor=request.user, user=obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """So does one whose password was replaced by somebody else."""
        answer = super().user_change_password(request, id, form_url)
        user = self.get_object(request, id)
        if answer.status_code == 302 and user is not None and user.pk != request.user.pk:
            services.one_time_password_given(actor=request.user, user=user)
        return answer

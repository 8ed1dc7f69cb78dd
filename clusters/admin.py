"""The admin: what there is, for looking; nothing that is encrypted is shown or can be edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from clusters.models import Account, AuditEntry, Cluster, HostKey, Notice, Run


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


@admin.register(Run)
class RunAdmin(ReadOnly):
    """Runs without their document."""

    list_display = ("id", "cluster", "recipe", "state", "attempt", "asked_by", "started_at", "finished_at", "worker")
    list_filter = ("state", "recipe")
    list_select_related = ("cluster", "asked_by")
    exclude = ("document",)


@admin.register(Notice)
class NoticeAdmin(ReadOnly):
    """What was told of the ends of runs, and what did not get through."""

    list_display = ("run", "way", "state", "tries", "due_at", "sent_at", "error")
    list_filter = ("state", "way")
    list_select_related = ("run", "run__cluster")


@admin.register(AuditEntry)
class AuditAdmin(ReadOnly):
    """Who did what."""

    list_display = ("at", "user", "deed", "target", "details")
    list_filter = ("deed",)
    list_select_related = ("user",)


@admin.register(HostKey)
class HostKeyAdmin(ReadOnly):
    """Pinned host keys."""

    list_display = ("address", "port", "fingerprint", "cluster", "accepted_by", "accepted_at")
    list_select_related = ("cluster", "accepted_by")


@admin.register(Account)
class AccountAdmin(ReadOnly):
    """Who still has a one-time password."""

    list_display = ("user", "must_change_password")

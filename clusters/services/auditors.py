"""The group of auditors: users who may read the audit without being administrators."""

from __future__ import annotations

from typing import Any

from django.apps import apps as registry

GROUP = "auditor"
READ_AUDIT = "clusters.view_auditentry"
"""The permission that opens the audit; administrators have every permission."""


def make_group(sender: Any, using: str, apps: Any = registry, **kwargs: Any) -> None:
    """After migrations: create the group with its permission, if it is missing. Without signals: no user did it."""
    try:
        groups = apps.get_model("auth", "Group")
        permissions = apps.get_model("auth", "Permission")
    except LookupError:  # a migration of one application alone, without those of users
        return
    app, codename = READ_AUDIT.split(".")
    found = permissions.objects.using(using).filter(content_type__app_label=app, codename=codename).first()
    if found is None:
        return
    groups.objects.using(using).bulk_create([groups(name=GROUP)], ignore_conflicts=True)
    group = groups.objects.using(using).get(name=GROUP)
    link = groups.permissions.through
    link.objects.using(using).bulk_create([link(group_id=group.pk, permission_id=found.pk)], ignore_conflicts=True)

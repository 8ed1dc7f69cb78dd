"""ClustersConfig: the Django application."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ClustersConfig(AppConfig):
    """Slipway's models and pages."""

    name = "clusters"
    verbose_name = _("Clusters")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register system checks, the audit's signal handlers, and actions after migrations."""
        from clusters.models.append_only import after_migrate
        from clusters.services import account_changes, auditors, logins, openings  # noqa: F401
        from installer_site import system_checks  # noqa: F401

        post_migrate.connect(after_migrate, sender=self, dispatch_uid="audit triggers")
        post_migrate.connect(auditors.make_group, sender=self, dispatch_uid="auditors")

"""ClustersConfig: how Django knows the application."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClustersConfig(AppConfig):
    """Everything of Slipway that lives in the database and on pages."""

    name = "clusters"
    verbose_name = _("Clusters")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what `manage.py check` looks at."""
        from installer_site import system_checks  # noqa: F401

"""AdminConfig: Django's admin with our `installer_site.admin_site`."""

from __future__ import annotations

from django.contrib.admin import apps


class AdminConfig(apps.AdminConfig):
    """The admin."""

    default_site = "installer_site.admin_site.AdminSite"

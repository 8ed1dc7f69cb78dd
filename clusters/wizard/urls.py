"""The wizard's addresses."""

from __future__ import annotations

from django.urls import path

from clusters.wizard import views
from clusters.wizard.connection import views as connection_views
from clusters.wizard.machines import scan_views
from clusters.wizard.machines import views as machines_views
from clusters.wizard.prechecks import views as prechecks_views

urlpatterns = [
    path("clusters/<int:pk>/wizard/", views.start, name="wizard-start"),
    path("clusters/<int:pk>/wizard/practice/", views.practice, name="wizard-practice"),
    path("clusters/<int:pk>/wizard/kubernetes/version/", views.version, name="wizard-version"),
    path("clusters/<int:pk>/wizard/layout/", views.layout, name="wizard-layout"),
    path("clusters/<int:pk>/wizard/copy/", views.copy, name="wizard-copy"),
    path("clusters/<int:pk>/wizard/document/", views.document, name="wizard-document"),
    path("clusters/<int:pk>/wizard/prechecks/table/", prechecks_views.table, name="wizard-checks"),
    path("clusters/<int:pk>/wizard/prechecks/start/", prechecks_views.start, name="wizard-check"),
    path("clusters/<int:pk>/wizard/prechecks/waive/", prechecks_views.waive, name="wizard-precheck-waive"),
    path("clusters/<int:pk>/wizard/review/waive/", views.waive, name="wizard-waive"),
    path("clusters/<int:pk>/wizard/machines/add/", machines_views.add, name="wizard-add"),
    path("clusters/<int:pk>/wizard/machines/login/", machines_views.login, name="wizard-login"),
    path("clusters/<int:pk>/wizard/machines/jump/", machines_views.jump, name="wizard-jump"),
    path("clusters/<int:pk>/wizard/machines/rename/", machines_views.rename, name="wizard-rename"),
    path("clusters/<int:pk>/wizard/machines/scan/", scan_views.scan, name="wizard-scan"),
    path("clusters/<int:pk>/wizard/machines/scan/table/", scan_views.table, name="wizard-scan-table"),
    path("clusters/<int:pk>/wizard/machines/scan/cancel/", scan_views.cancel, name="wizard-scan-cancel"),
    path("clusters/<int:pk>/wizard/connection/table/", connection_views.probes, name="wizard-probes"),
    path("clusters/<int:pk>/wizard/connection/test/", connection_views.probe, name="wizard-probe"),
    path("clusters/<int:pk>/wizard/connection/accept/", connection_views.accept, name="wizard-accept"),
    path("clusters/<int:pk>/wizard/connection/arch/", views.arch, name="wizard-arch"),
    path("clusters/<int:pk>/wizard/<slug:slug>/", views.wizard, name="wizard"),
]

"""The wizard's addresses."""

from __future__ import annotations

from django.urls import path

from clusters.wizard import connecting, inspecting, many, scanning, views

urlpatterns = [
    path("clusters/<int:pk>/wizard/", views.start, name="wizard-start"),
    path("clusters/<int:pk>/wizard/practice/", views.practice, name="wizard-practice"),
    path("clusters/<int:pk>/wizard/kubernetes/version/", views.version, name="wizard-version"),
    path("clusters/<int:pk>/wizard/layout/", views.layout, name="wizard-layout"),
    path("clusters/<int:pk>/wizard/copy/", views.copy, name="wizard-copy"),
    path("clusters/<int:pk>/wizard/document/", views.document, name="wizard-document"),
    path("clusters/<int:pk>/wizard/prechecks/table/", inspecting.table, name="wizard-checks"),
    path("clusters/<int:pk>/wizard/prechecks/start/", inspecting.start, name="wizard-check"),
    path("clusters/<int:pk>/wizard/prechecks/waive/", inspecting.waive, name="wizard-precheck-waive"),
    path("clusters/<int:pk>/wizard/review/waive/", views.waive, name="wizard-waive"),
    path("clusters/<int:pk>/wizard/machines/add/", many.add, name="wizard-add"),
    path("clusters/<int:pk>/wizard/machines/login/", many.login, name="wizard-login"),
    path("clusters/<int:pk>/wizard/machines/jump/", many.jump, name="wizard-jump"),
    path("clusters/<int:pk>/wizard/machines/rename/", many.rename, name="wizard-rename"),
    path("clusters/<int:pk>/wizard/machines/scan/", scanning.scan, name="wizard-scan"),
    path("clusters/<int:pk>/wizard/machines/scan/table/", scanning.table, name="wizard-scan-table"),
    path("clusters/<int:pk>/wizard/machines/scan/cancel/", scanning.cancel, name="wizard-scan-cancel"),
    path("clusters/<int:pk>/wizard/connection/table/", connecting.probes, name="wizard-probes"),
    path("clusters/<int:pk>/wizard/connection/test/", connecting.probe, name="wizard-probe"),
    path("clusters/<int:pk>/wizard/connection/accept/", connecting.accept, name="wizard-accept"),
    path("clusters/<int:pk>/wizard/connection/arch/", views.arch, name="wizard-arch"),
    path("clusters/<int:pk>/wizard/<slug:slug>/", views.wizard, name="wizard"),
]

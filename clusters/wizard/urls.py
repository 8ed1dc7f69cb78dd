"""The wizard's addresses."""

from __future__ import annotations

from django.urls import path

from clusters.wizard import views

urlpatterns = [
    path("clusters/<int:pk>/wizard/", views.start, name="wizard-start"),
    path("clusters/<int:pk>/wizard/practice/", views.practice, name="wizard-practice"),
    path("clusters/<int:pk>/wizard/connection/table/", views.probes, name="wizard-probes"),
    path("clusters/<int:pk>/wizard/connection/test/", views.probe, name="wizard-probe"),
    path("clusters/<int:pk>/wizard/connection/accept/", views.accept, name="wizard-accept"),
    path("clusters/<int:pk>/wizard/<slug:slug>/", views.wizard, name="wizard"),
]

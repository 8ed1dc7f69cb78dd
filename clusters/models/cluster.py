"""Cluster: a draft or an installed cluster, with its document and its kubeconfig, both encrypted."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from clusters.models.fields import EncryptedTextField

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from clusters.models.run import Run


class Cluster(models.Model):
    """A cluster that a user wants. The document is YAML text with secrets; `version` counts its saves.

    `identity` is written on its machines; its name is a label and may change.

    `kubernetes_version`, `endpoint` and `machine_count` repeat values of the document and are written with each save,
    so that lists of clusters neither decrypt nor read documents.

    `waivers` are the findings that were waived or acknowledged: {"key", "id", "severity", "text", "by", "at"} each, and
    "hosts" for a precheck's; for an error also "reason". `acknowledged_texts` are the texts of the document that run as
    root and that users have read: {"sealed", "path", "by", "by_id", "at"} each.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        INSTALLING = "installing", _("Installing")
        WORKING = "working", _("Working")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    identity = models.UUIDField(default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="clusters")
    name = models.CharField(max_length=253)
    state = models.CharField(max_length=16, choices=State, default=State.DRAFT)
    document = EncryptedTextField(blank=True)
    kubernetes_version = models.CharField(max_length=64, blank=True, default="")
    endpoint = models.CharField(max_length=300, blank=True, default="")
    machine_count = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    waivers = models.JSONField(default=list, blank=True)
    acknowledged_texts = models.JSONField(default=list, blank=True)
    kubeconfig = EncryptedTextField(blank=True)
    nodes = models.JSONField(default=list, blank=True)
    nodes_seen_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-updated_at",)

    BUSY = (State.INSTALLING, State.WORKING)

    def __str__(self) -> str:
        return self.name

    def is_open_to(self, person: User) -> bool:
        """Whether this user may use the cluster: they own it, or they may see everything."""
        return bool(getattr(person, "is_superuser", False)) or self.owner_id == person.pk

    @property
    def active_run(self) -> Run | None:
        """The run that is not over, if there is one; its large fields are loaded when they are used."""
        unfinished = self.runs.filter(state__in=self.runs.model.ACTIVE)
        return unfinished.defer("document", "plan").first()

    @property
    def shown_state(self) -> str:
        """The state on pages. After a failed or cancelled run a cluster is incomplete; no more is known."""
        return "incomplete" if self.state == self.State.FAILED else self.state

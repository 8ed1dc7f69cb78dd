"""Cluster: a draft or an installed cluster, with its document and what it delivered, both encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from clusters.models.fields import EncryptedTextField

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from clusters.models.run import Run


class Cluster(models.Model):
    """What somebody wants built. The document is YAML text with secrets; `version` counts its saves.

    `kubernetes_version`, `endpoint` and `machine_count` are what the document says of them, written with each save, so
    that lists of clusters neither decrypt nor read documents.

    `waivers` are the findings that somebody acknowledged: {"key", "id", "severity", "text", "by", "at"} each, and
    "hosts" where it is a precheck's; one of an error has the "reason". `acknowledged_texts` are what people have read
    of the document that runs as root: {"digest", "path", "by", "by_id", "at"} each.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        INSTALLING = "installing", _("Installing")
        WORKING = "working", _("Working")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

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

    def is_open_to(self, person: AbstractBaseUser) -> bool:
        """Whether this person may use the cluster: it is their own, or they see everything."""
        return bool(getattr(person, "is_superuser", False)) or self.owner_id == person.pk

    @property
    def active_run(self) -> Run | None:
        """The run that is not over, if there is one; its large fields are loaded when they are used."""
        unfinished = self.runs.filter(state__in=self.runs.model.ACTIVE)
        return unfinished.defer("document", "plan").first()

    @property
    def shown_state(self) -> str:
        """The state as pages show it. After a failed or cancelled run a cluster is not whole; more is not known."""
        return "incomplete" if self.state == self.State.FAILED else self.state

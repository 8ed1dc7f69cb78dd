"""Run: one execution of a recipe; StepRun: one step of it on one machine."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from clusters.engine.recipe import DEFAULT
from clusters.models.cluster import Cluster
from clusters.models.fields import EncryptedTextField
from clusters.models.leased import LeasedRow


class Run(LeasedRow):
    """An attempt. Claimed by a conditional update, held by a heartbeat (`lease_until`), never reopened after its end.

    `last_seq` is the number of the newest event, `last_line` that of the newest line of output; both count
    from 1 and have no gaps, so they are also lengths. `waivers` are the ids of findings that do not stop the run,
    `acknowledged` the records it was started with, as in `Cluster.waivers`; `acknowledged_texts` is as in `Cluster`.
    `accepted` has {"check", "reason", "by", "at"} for each waived precheck. `plan` has for each step the steps that it
    waits for. `only` names the steps of an attempt that does a `part` of the recipe; empty means all.
    `answers` are those to the recipe's questions; `cluster_before` is the cluster's state when the run was queued.
    A preview only checks: it changes neither the cluster's state, nodes and kubeconfig nor notices, and does not count
    as an attempt.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting for a worker")
        RUNNING = "running", _("Running")
        CANCELLING = "cancelling", _("Cancelling")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    class Part(models.TextChoices):
        WHOLE = "", _("Everything")
        STEP = "step", _("One step")
        REST = "rest", _("What was left")
        PREVIEW = "preview", _("Preview")

    ACTIVE = (State.QUEUED, State.RUNNING, State.CANCELLING)

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="runs")
    recipe = models.CharField(max_length=64, default=DEFAULT)
    answers = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), blank=True)
    cluster_before = models.CharField(max_length=16, default="", db_default="", blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    attempt = models.PositiveIntegerField(default=1)
    retry_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="retries")
    document = EncryptedTextField()
    waivers = models.JSONField(default=list, blank=True)
    acknowledged = models.JSONField(default=list, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="runs")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=128, blank=True)
    takeovers = models.PositiveIntegerField(default=0)
    cancel_asked_at = models.DateTimeField(null=True, blank=True)
    cancel_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    last_seq = models.PositiveBigIntegerField(default=0)
    last_line = models.PositiveBigIntegerField(default=0)
    message = models.TextField(blank=True)
    failures = models.JSONField(default=list, blank=True)
    plan = models.JSONField(default=list, blank=True)
    only = models.JSONField(default=list, blank=True)
    part = models.CharField(max_length=8, choices=Part, default=Part.WHOLE, blank=True)
    accepted = models.JSONField(default=list, blank=True)
    acknowledged_texts = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("cluster",),
                condition=models.Q(state__in=("queued", "running", "cancelling")),
                name="one_active_run_per_cluster",
            ),
        )
        indexes = (models.Index(fields=("state", "lease_until"), name="runs_to_claim"),)

    def __str__(self) -> str:
        return f"{self.cluster} · {self.recipe} · {self.pk}"

    @property
    def is_preview(self) -> bool:
        """Whether it only checks."""
        return self.part == self.Part.PREVIEW

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.state in self.ACTIVE

    @property
    def seconds(self) -> float | None:
        """From the worker's claim to the end; None before the end, and for a run that never started."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


class StepRun(models.Model):
    """One step on one machine in one run. `position` is the step's place in the plan.

    `expected` is its expected duration in seconds: measured in earlier runs, or (not `measured`) the shipped estimate.
    `timeout` is when it fails without an extension; 0 when unknown. `uncut` describes the current part that a cancel
    must not interrupt, running since `uncut_since`; empty if there is none.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    step = models.CharField(max_length=128)
    title = models.CharField(max_length=200)
    phase = models.CharField(max_length=64)
    position = models.PositiveIntegerField()
    host = models.CharField(max_length=253, blank=True)
    state = models.CharField(max_length=16, default="waiting")
    started_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(default=0)
    expected = models.FloatField(default=0)
    measured = models.BooleanField(default=False)
    timeout = models.FloatField(default=0)
    message = models.TextField(blank=True)
    same = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    uncut = models.CharField(max_length=200, blank=True)
    uncut_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("run", "position", "host")
        constraints = (models.UniqueConstraint(fields=("run", "step", "host"), name="one_row_per_step_and_host"),)
        indexes = (models.Index(fields=("step", "state"), name="steps_by_outcome"),)

    def __str__(self) -> str:
        return f"{self.step} on {self.host}"

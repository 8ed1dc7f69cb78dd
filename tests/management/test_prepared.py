"""The terminal shows what a recipe's own document brings, and asks about it by the options that every run has."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from clusters.models import AuditEntry, Cluster, Run
from clusters.services import document_of
from tests.conftest import SEED
from tests.preparing_recipe import SECRET, forgotten, lift

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import User
    from pytest_django import Settings

__all__ = ["forgotten", "lift"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("lift")]

WARNING = "warning: A database of 9663676416 bytes starts slowly"
ERROR = "error: Expected the pod network, found '10.0.0.0/33'."
WHY = ("--reason", "a lab needs no more")


@pytest.fixture(autouse=True)
def _pretended(settings: Settings) -> None:
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fake_machines.run_on_machines"
    settings.SLIPWAY_PROBE = "tests.runs.fakes.gentle_probe"


@pytest.fixture
def file(tmp_path: Path, admin: User) -> Path:
    """The document of a cluster that is ready."""
    path = tmp_path / "config-sample.yaml"
    path.write_text(SEED)
    Cluster.objects.create(owner=admin, name="sample", document=SEED, state="ready")
    return path


def run_lift(file: Path, *words: str, out: io.StringIO | None = None) -> str:
    out = out or io.StringIO()
    call_command(
        "cluster", "lift", "-f", str(file), "--to", "v1.21.14", "--accept-host-keys", *words, stdout=out, stderr=out
    )
    return out.getvalue()


def test_a_new_warning_is_shown_before_it_is_acknowledged(file: Path) -> None:
    out = io.StringIO()
    with pytest.raises(CommandError, match="No terminal to prompt on; pass --yes"):
        run_lift(file, "--quota", "9", out=out)
    shown = out.getvalue()
    assert "Lift version changes these values of the document for this run:" in shown
    assert "  kubernetes.version: v1.20.2 -> v1.21.14" in shown
    assert "etcd.quotaBackendBytes: (nothing) -> 9663676416" in shown
    assert f"document of lift spec.etcd.quotaBackendBytes: {WARNING}" in shown
    assert not Run.objects.exists()
    assert WARNING in run_lift(file, "--quota", "9", "--yes")
    (record,) = Run.objects.get().acknowledged
    assert (record["id"], record["by"]) == ("etcd.quota_large", "root") and record["at"]
    assert document_of(Cluster.objects.get()).etcd.quota_backend_bytes is None


@pytest.mark.parametrize("preview", [(), ("--preview",)])
def test_a_new_error_stops_everything(file: Path, preview: tuple[str, ...]) -> None:
    out = io.StringIO()
    with pytest.raises(CommandError, match="Fix the errors first"):
        run_lift(file, "--pods", "10.0.0.0/33", "--yes", *preview, out=out)
    assert ERROR in out.getvalue()
    assert not Run.objects.exists()


def test_an_error_of_the_recipe_s_document_is_waived_by_its_id(file: Path) -> None:
    even = ("--members", "node2", "--yes")
    with pytest.raises(CommandError, match="Fix the errors first"):
        run_lift(file, *even)
    shown = run_lift(file, *even, "--waive", "etcd.even_count", *WHY)
    assert "waived: 2 etcd members" in shown and "has no effect" not in shown
    run = Run.objects.get()
    assert run.waivers == ["etcd.even_count"] and run.accepted[0]["reason"] == WHY[1]
    assert "has no effect" in run_lift(file, "--yes", "--waive", "x.y", *WHY)


def test_a_waiver_without_effect_is_named_where_the_document_stays_as_it_is(file: Path) -> None:
    shown = run_lift(file, "--to", "v1.20.2", "--yes", "--waive", "x.y", *WHY)
    assert "changes these values" not in shown
    assert shown.count("has no effect") == 1


def test_a_new_text_that_runs_as_root_is_shown_in_full_and_named(file: Path) -> None:
    out = io.StringIO()
    with pytest.raises(CommandError, match="may it run") as refused:
        run_lift(file, "--script", "--yes", out=out)
    shown = out.getvalue()
    assert f"  | curl -fsS -u fleet:{SECRET} https://tool.example/run" in shown
    assert SECRET not in shown.partition("spec.system.preInstall.0")[0]
    assert not Run.objects.exists()
    digest = str(refused.value).rpartition("--acknowledge ")[2].rstrip(".")
    run_lift(file, "--script", "--yes", "--acknowledge", digest[:12])
    (record,) = Run.objects.get().acknowledged_texts
    assert (record["by"], record["path"]) == ("root", "spec.system.preInstall.0")
    entry = AuditEntry.objects.get(deed="text.acknowledge")
    assert entry.details["recipe"] == "lift" and entry.actor_name == "root"


def test_a_preview_shows_them_and_asks_nothing(file: Path) -> None:
    shown = run_lift(file, "--quota", "9", "--script", "--preview")
    assert WARNING in shown and "kubernetes.version: v1.20.2 -> v1.21.14" in shown
    assert SECRET not in shown
    run = Run.objects.get()
    assert run.is_preview and run.acknowledged == run.acknowledged_texts == []
    assert not AuditEntry.objects.filter(deed="text.acknowledge").exists()

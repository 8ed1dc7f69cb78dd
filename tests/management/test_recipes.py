"""The terminal has each recipe's verb, with its questions as options, and a preview."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from clusters.config.dialects.render import files
from clusters.config.load import load
from clusters.management.commands.cluster import Command
from clusters.management.commands.recipes import table
from clusters.models import Cluster, Run
from tests.added_recipe import forgotten, renew
from tests.conftest import SEED
from tests.runs.fake_machines import FILES

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import User
    from pytest_django import Settings

    from clusters.engine.recipe import Recipe

__all__ = ["forgotten", "renew"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _pretended(settings: Settings) -> None:
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fake_machines.run_on_machines"
    settings.SLIPWAY_PROBE = "tests.runs.fakes.gentle_probe"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config-sample.yaml"
    path.write_text(SEED)
    return path


def cluster(*words: str) -> str:
    out = io.StringIO()
    call_command("cluster", *words, stdout=out, stderr=out)
    return out.getvalue()


def help_of(*words: str, capsys: Any) -> str:
    with pytest.raises(SystemExit):
        Command().create_parser("manage.py", "cluster").parse_args([*words, "--help"])
    return " ".join(capsys.readouterr().out.split())


def test_the_help_lists_every_verb_and_the_options_of_each(renew: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    shown = help_of(capsys=capsys)
    assert "Create the cluster, or continue its installation." in shown
    assert "renew-certificates" in shown and renew.summary in shown
    shown = help_of("renew-certificates", capsys=capsys)
    assert "--days NUMBER Days. How long they hold." in shown and "--machines MACHINE" in shown
    assert "--preview" in shown and "--host-key" in shown
    assert "--days" not in help_of("create", capsys=capsys)


def test_the_help_of_the_command_itself_lists_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert "renew-certificates" not in help_of(capsys=capsys)


def test_a_verb_runs_its_recipe_with_the_answers(file: Path, admin: User, renew: Recipe) -> None:
    with pytest.raises(CommandError, match="cannot start: the state of sample is"):
        cluster("renew-certificates", "-f", str(file), "--accept-host-keys", "--yes")
    Cluster.objects.update(state="ready")
    with pytest.raises(CommandError, match="Between 1 and 3,999"):
        cluster("renew-certificates", "-f", str(file), "--yes", "--days", "0")
    shown = cluster("renew-certificates", "-f", str(file), "--yes", "--days", "12", "--machines", "node1,node3")
    run = Run.objects.get()
    assert (run.recipe, run.answers, run.state) == ("renew", {"days": 12, "machines": ["node1", "node3"]}, "succeeded")
    assert "3 steps on 2 machines" in shown
    assert FILES["node3"].files["/etc/days"].content == b"12\n"


def test_without_yes_it_asks_the_recipes_question(file: Path, admin: User, renew: Recipe) -> None:
    Cluster.objects.all().delete()
    with pytest.raises(
        CommandError, match=r"Renew certificates: sample, on node1, node2, node3\? No terminal to prompt on"
    ):
        cluster("renew-certificates", "-f", str(file), "--accept-host-keys")
    with pytest.raises(
        CommandError, match=r"Install Kubernetes v1\.20\.2 on node1, node2, node3\? No terminal to prompt on"
    ):
        cluster("create", "-f", str(file))


def test_a_preview_asks_nothing_changes_nothing_and_prints_differences(file: Path, admin: User) -> None:
    shown = cluster("create", "-f", str(file), "--accept-host-keys", "--preview")
    run = Run.objects.get()
    assert (run.is_preview, run.state, run.cluster.state) == (True, "succeeded", "draft")
    assert "+ node2: /etc/days has the required content and mode; found: there is no /etc/days" in shown
    assert "        +none" in shown
    assert "? node2: Read the file again; found: There is no /etc/days yet." in shown
    assert "nothing was changed; 3 would change, 4 are correct already, 3 steps are not known yet." in shown
    assert "critical path" not in shown
    assert not any(host.files for host in FILES.values())


def test_a_preview_of_another_file_leaves_the_stored_document(file: Path, admin: User) -> None:
    cluster("create", "-f", str(file), "--accept-host-keys", "--preview")
    stored = Cluster.objects.get(name="sample", owner=admin)
    file.write_text(SEED.replace("v1.20.2", "v1.20.4"))
    cluster("create", "-f", str(file), "--preview")
    run = Run.objects.first()
    assert run is not None and "v1.20.4" in run.document
    stored.refresh_from_db()
    assert "v1.20.2" in stored.document and stored.kubernetes_version == "v1.20.2"


def plan(*words: str) -> str:
    out = io.StringIO()
    call_command("plan", *words, stdout=out)
    return out.getvalue()


def test_a_plan_is_of_the_two_files_of_kubekey_4(file: Path) -> None:
    document = load(file.read_text()).document
    assert document is not None
    parts = [file.with_name(name) for name in ("inventory.yaml", "config.yaml")]
    for part, text in zip(parts, files(document, dialect="v4", secrets="show").values(), strict=True):
        part.write_text(text)
    assert plan(*map(str, parts)) == plan(*map(str, reversed(parts))) == plan(str(file))
    parts[1].write_text(parts[1].read_text().replace("v1.20.2", "v1.17.9"))
    with pytest.raises(CommandError, match=r"config\.yaml:\d+:\d+ kubernetes\.kube_version - .* too old"):
        plan(*map(str, parts))


def test_a_plan_is_of_a_recipe_with_its_answers(file: Path, renew: Recipe) -> None:
    assert "kubernetes/init" in plan(str(file))
    shown = plan(str(file), "--recipe", "renew", "--answer", "machines=node3", "--answer", "days=3")
    assert "kubernetes/init" not in shown and "[node3]" in shown and "node1" not in shown
    for wrong, sentence in (
        ("days=0", "Between 1 and 3,999"),
        ("hours=3", "is not an answer to a question"),
        ("days", "is not an answer to a question"),
    ):
        with pytest.raises(CommandError, match=sentence):
            plan(str(file), "--recipe", "renew", "--answer", wrong)
    with pytest.raises(CommandError, match="is not a recipe"):
        plan(str(file), "--recipe", "nothing")


def test_the_table_for_the_documentation_lists_it(renew: Recipe) -> None:
    assert (
        "| Renew certificates | `cluster renew-certificates` | Renew the cluster's certificates. "
        "API servers restart one after the other. | ready, failed | `--days`, `--machines` | all | no |"
    ) in table()
    out = io.StringIO()
    call_command("recipes", stdout=out)
    assert out.getvalue().strip() == table()

"""A recipe in one file gets its pages: button, form, preview and run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from clusters.config.schema import Document
from clusters.engine.question import Question, check_answers
from clusters.engine.recipe import DEFAULT, Recipe
from clusters.models import Cluster, Run, StepRun
from clusters.runs.supervise import supervise
from clusters.web.recipe_form import answers_in, recipe_form
from clusters.web.recipe_words import fields_of
from tests.added_recipe import forgotten, renew
from tests.runs.fake_machines import FILES

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client
    from pytest_django import Settings

__all__ = ["forgotten", "renew"]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_findings(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr("clusters.services.installs.findings_of", lambda *words, **options: ())
    monkeypatch.setattr("clusters.services.waivers.check", lambda document: ())
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fake_machines.run_on_machines"


@pytest.fixture
def person(client: Client, alice: User, cluster: Cluster) -> Client:
    Cluster.objects.filter(pk=cluster.pk).update(state="ready")
    client.force_login(alice)
    return client


def do(cluster: Cluster, name: str = "renew") -> str:
    return reverse("cluster-do", args=[cluster.pk, name])


def text_of(person: Client, address: str) -> str:
    answer = person.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_a_new_recipe_has_a_button_where_the_state_allows_it(person: Client, cluster: Cluster, renew: Recipe) -> None:
    shown = text_of(person, reverse("cluster", args=[cluster.pk]))
    assert f'href="{do(cluster)}"' in shown and "Renew certificates…" in shown
    assert f'href="{do(cluster, DEFAULT)}"' in shown
    Cluster.objects.filter(pk=cluster.pk).update(state="draft")
    assert do(cluster) not in text_of(person, reverse("cluster", args=[cluster.pk]))


def test_without_its_file_it_is_nowhere(person: Client, cluster: Cluster) -> None:
    assert do(cluster) not in text_of(person, reverse("cluster", args=[cluster.pk]))
    assert person.get(do(cluster)).status_code == 404


def test_the_page_is_generated_from_the_declaration(person: Client, cluster: Cluster, renew: Recipe) -> None:
    shown = text_of(person, do(cluster))
    for words in (renew.title, "Renew the cluster&#x27;s certificates.", renew.warning, "How long they hold.", "Days"):
        assert words in shown
    assert 'name="days" value="365"' in shown
    assert all(f'<option value="{name}">{name}</option>' in shown for name in ("node1", "node2", "node3"))
    assert 'name="preview"' in shown


def test_a_wrong_answer_is_reported_beside_its_field_and_input_stays(
    person: Client, cluster: Cluster, renew: Recipe
) -> None:
    for days, sentence in (("5000", "Between 1 and 3,999"), ("many", "Enter a whole number")):
        answer = person.post(do(cluster), {"days": days})
        shown = answer.content.decode()
        assert answer.status_code == 422
        assert sentence in shown.partition('id="problem-days"')[2][:300]
        assert f'value="{days}"' in shown
    assert person.post(do(cluster), {"days": "5", "machines": ["node9"]}).status_code == 422
    assert person.post(do(cluster), {"days": "9" * 9000}).status_code == 422
    assert not Run.objects.exists()


def test_in_another_state_nothing_starts(person: Client, cluster: Cluster, renew: Recipe) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(state="draft")
    assert "cannot start in the cluster" in text_of(person, do(cluster))
    answer = person.post(do(cluster), {"days": "5"}, follow=True)
    assert "cannot start: the state of sample is" in answer.content.decode()
    assert not Run.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_from_the_preview_to_the_run(person: Client, cluster: Cluster, renew: Recipe) -> None:
    sent = {"days": "30", "machines": ["node2", "node3"]}
    answer = person.post(do(cluster), {**sent, "preview": "yes"})
    preview = Run.objects.get()
    assert answer["Location"] == reverse("run-preview", args=[preview.pk])
    supervise(preview.pk, worker_name="one")
    shown = text_of(person, f"{answer['Location']}?machine=node3")
    assert "Preview: Renew certificates of sample" in shown
    assert "Nothing was changed. 2 would change" in shown
    assert "/etc/days has the required content and mode" in shown and "+30" in shown
    assert "There is no /etc/days yet." in shown and "Not known yet" in shown
    assert "The run would take about" in shown and "Observed from" in shown
    assert "node1" not in shown
    assert f'hx-get="{answer["Location"]}?machine=node3"' in shown
    assert "run-retry" not in shown and f'action="/runs/{preview.pk}/retry/"' not in shown
    assert not any(host.files for host in FILES.values())
    for name, value in (("days", "30"), ("machines", "node2"), ("machines", "node3")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in shown
    answer = person.post(do(cluster), sent)
    run = Run.objects.get(part="")
    assert answer["Location"] == reverse("run", args=[run.pk])
    supervise(run.pk, worker_name="two")
    assert "sample has new certificates" in text_of(person, reverse("run-header", args=[run.pk]))
    assert FILES["node3"].files["/etc/days"].content == b"30\n" and not FILES["node1"].files


def test_a_preview_is_marked_in_the_list_and_is_not_the_last_run(
    person: Client, cluster: Cluster, make_run: Callable[..., Run]
) -> None:
    preview = make_run(state="succeeded", part="preview")
    shown = text_of(person, reverse("cluster", args=[cluster.pk]))
    assert "Review and install" in shown and "Install again" not in shown
    assert f'>Run {preview.pk}</a> <span class="muted small nowrap">preview</span>' in shown
    assert f"/runs/{preview.pk}/" not in text_of(person, "/")


def test_the_page_of_a_preview_is_for_previews_and_for_those_who_may_see_it(
    person: Client, client: Client, bob: User, make_run: Callable[..., Run], cluster: Cluster
) -> None:
    run, preview = make_run(state="failed"), make_run(state="failed", part="preview")
    assert person.get(reverse("run-preview", args=[run.pk]))["Location"] == reverse("run", args=[run.pk])
    assert "The preview ended before a plan was ready." in text_of(person, reverse("run-preview", args=[preview.pk]))
    client.force_login(bob)
    for address in (reverse("run-preview", args=[preview.pk]), do(cluster, DEFAULT)):
        assert client.get(address).status_code == 404
    assert client.post(do(cluster, DEFAULT)).status_code == 404


def preview_with(make_run: Callable[..., Run], state: str, *steps: tuple[str, str]) -> str:
    """The address of a preview with these steps on node1."""
    over = {} if state == "running" else {"finished_at": timezone.now()}
    failed = [{"step": step, "host": "node1", "found": "No way."} for step, end in steps if end == "failed"]
    run = make_run(state=state, part="preview", started_at=timezone.now(), failures=failed, **over)
    for position, (step, end) in enumerate(steps):
        message = "No way <b>." if end == "failed" else ""
        StepRun.objects.create(
            run=run, step=step, title=f"Do {step}", phase=step.partition("/")[0], position=position, host="node1",
            state=end, message=message,
        )  # fmt: skip
    return reverse("run-preview", args=[run.pk])


NOTHING = "No difference was found here."


@pytest.mark.parametrize(
    ("state", "ends", "sentence"),
    [
        ("running", ("same", "waiting"), "No difference was found yet."),
        ("failed", ("skipped", "skipped"), "No difference was found in the steps that were checked."),
        ("cancelled", ("same", "cancelled"), "No difference was found in the steps that were checked."),
        ("succeeded", ("same", "unforeseen"), "No difference was found in the steps that were checked."),
        ("succeeded", ("same", "same"), NOTHING),
    ],
)
def test_no_difference_is_claimed_only_for_checked_steps(
    person: Client, make_run: Callable[..., Run], state: str, ends: tuple[str, str], sentence: str
) -> None:
    shown = text_of(person, preview_with(make_run, state, ("os/a", ends[0]), ("os/b", ends[1])))
    assert sentence in shown
    assert (NOTHING in shown) is (sentence == NOTHING)
    assert "Programs that are missing on Slipway's server are downloaded there" in shown


@pytest.mark.parametrize(("step", "stops"), [("precheck/hw.one", True), ("os/a", False)])
def test_a_failed_step_is_listed_and_only_a_precheck_stops_a_run_for_certain(
    person: Client, make_run: Callable[..., Run], step: str, stops: bool
) -> None:
    shown = text_of(person, preview_with(make_run, "failed", (step, "failed"), ("os/b", "same")))
    listed = shown.partition('id="preview-failed"')[2].partition("</section>")[0]
    assert f"Do {step}" in listed and "No way &lt;b&gt;." in listed
    assert ("A run would stop here, too." in shown) is stops
    assert "Nothing was changed." in shown


def test_a_run_that_cannot_be_cancelled_has_no_button_for_it(
    person: Client, renew: Recipe, make_run: Callable[..., Run]
) -> None:
    run = make_run(state="running", recipe="renew")
    shown = text_of(person, reverse("run-header", args=[run.pk]))
    assert 'data-opens="cancel-run" disabled' in shown
    person.post(reverse("run-cancel", args=[run.pk]))
    run.refresh_from_db()
    assert run.state == "running"


def test_a_run_of_a_recipe_that_is_gone_still_has_its_page(person: Client, make_run: Callable[..., Run]) -> None:
    run = make_run(state="failed", recipe="forgotten")
    assert "Forgotten: sample" in text_of(person, reverse("run", args=[run.pk]))


def test_the_name_of_a_phase_comes_from_its_recipe() -> None:
    from clusters.web.templatetags.ui import phase_name

    assert phase_name("os") == "Operating system"
    assert phase_name("etcd") == "etcd"
    assert phase_name("unheard") == "Unheard"


def test_a_number_keeps_its_zero_and_a_cleared_one_stays_empty() -> None:
    """A preview page sends its answers again: the run must get the same ones."""
    answers = {"days": 0, "all": True, "none": None, "off": False, "text": ""}
    assert dict(fields_of(answers)) == {"days": "0", "all": "on"}
    days = Question("days", "Days", kind="number", default=3)
    form = recipe_form(Recipe("odd", "Odd", (), "odd", questions=(days,)), Document(), QueryDict("days="))
    assert form.is_valid()
    assert check_answers((days,), Document(), answers_in(form)) == {"days": None}


def test_a_run_that_is_not_the_newest_is_not_tried_again(person: Client, cluster: Cluster) -> None:
    first, newer = (Run.objects.create(cluster=cluster, document=cluster.document, state="failed") for _ in range(2))
    refused = person.post(reverse("run-retry", args=[first.pk]), follow=True)
    assert f"Run {newer.pk} is newer than this one." in refused.content.decode()
    assert Run.objects.count() == 2

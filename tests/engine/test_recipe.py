"""Recipes: what they declare, which answers they accept, and what plans and steps get from that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.recipes import recipes
from clusters.config.schema import Document
from clusters.engine.check import CHECKS, Checks, precheck
from clusters.engine.deadline import OutOfTime
from clusters.engine.executor import Outcome, execute_plan
from clusters.engine.machine import OnlyLooking
from clusters.engine.plan import make_plan
from clusters.engine.question import AnswersRefused, Question, check_answers
from clusters.engine.recipe import DEFAULT, RECIPES, Phase, offered, phase_title, recipe
from clusters.engine.step import STEPS, Register, step
from clusters.engine.wants import NoAnswer, Sight, Wanted, file, service
from clusters.errors import ConfigError, InstallerError, PlanError, SourceError
from clusters.remote.errors import CommandTimedOut, ConnectionLost, ConnectTimedOut
from clusters.remote.host import Cancel, Result
from tests.engine.test_executor import Kept
from tests.fake_host import FakeHost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

DOCUMENT = Document.model_validate(
    {
        "hosts": [{"name": name, "address": f"10.0.0.{number}"} for number, name in enumerate(("a", "b", "c"), 1)],
        "roleGroups": {"etcd": ["a"], "master": ["a"], "worker": ["b", "c"]},
    }
)
WRITTEN = "/etc/answer"
QUESTIONS = (
    Question("note", "Note"),
    Question("count", "Count", kind="number", default=2),
    Question("force", "Force", kind="switch"),
    Question("way", "Way", kind="choice", choices=lambda document: ("short", "long"), default="short"),
    Question("one", "Machine", kind="machine", choices=lambda document: ("b", "c")),
    Question("some", "Machines", kind="machines"),
)


@pytest.fixture(autouse=True)
def _recipes_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    recipes()
    monkeypatch.setattr("clusters.engine.recipe.RECIPES", dict(RECIPES))


def answers(**given: Any) -> dict[str, Any]:
    return check_answers(QUESTIONS, DOCUMENT, given)


def test_without_answers_the_defaults_count() -> None:
    assert answers() == {"note": "", "count": 2, "force": False, "way": "short", "one": "", "some": []}


def test_answers_become_plain_types_in_the_documents_order() -> None:
    found = answers(note="  for today ", count="-30", force=True, way="long", one="c", some=["c", "a"])
    assert found == {"note": "for today", "count": -30, "force": True, "way": "long", "one": "c", "some": ["a", "c"]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("note", "x" * 1001),
        ("note", "two\nlines"),
        ("note", "a\x1b[2Jscreen"),
        ("count", "9" * 5000),
        ("count", "1_000"),
        ("count", "٣"),
        ("count", "1e3"),
        ("count", 10**10),
        ("force", "yes"),
        ("way", "wide"),
        ("one", "a"),
        ("one", "d"),
        ("some", ["a", "d"]),
        ("some", "a,b"),
        ("stranger", "x"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(AnswersRefused) as refused:
        answers(**{name: value})
    assert list(refused.value.problems) == [name]
    assert len(refused.value.message) < 300


def test_missing_and_refused_answers_get_a_message() -> None:
    wanted = (
        Question("who", "Who", required=True),
        Question("size", "Size", kind="number", problem=lambda value, document: "Too large." if value > 3 else ""),
    )
    with pytest.raises(AnswersRefused) as refused:
        check_answers(wanted, DOCUMENT, {"size": "4"})
    assert refused.value.problems == {"who": "Who: An answer is required.", "size": "Size: Too large."}
    assert check_answers(wanted, DOCUMENT, {"who": "me", "size": ""}) == {"who": "me", "size": None}


def test_the_default_recipe_has_familiar_words() -> None:
    first = recipes()[0]
    assert (first.name, first.verb, first.title) == (DEFAULT, "create", "Install cluster")
    assert first.states == ("draft", "failed", "ready")
    assert first.fill(first.heading, DOCUMENT) == f"Install {DOCUMENT.name}"
    assert first.fill(first.confirm, DOCUMENT) == f"Install Kubernetes {DOCUMENT.kubernetes.version} on a, b, c?"
    assert phase_title("os") == "Operating system"
    assert phase_title("nowhere") == "Nowhere"


def test_every_recipe_of_the_catalog_is_offered_and_valid() -> None:
    from clusters import catalog
    from clusters.engine.step import discover

    discover(catalog)
    phases = {each.phase for each in STEPS.steps.values()} | {"precheck"}
    for each in recipes():
        assert each.summary.endswith(".") and "\n" not in each.summary
        assert {phase.name for phase in each.phases} <= phases
        assert each.prechecks == "all" or set(each.prechecks) <= set(CHECKS.checks)
        assert set(each.states) <= {"draft", "failed", "ready"}


def test_a_recipe_without_a_summary_is_not_offered() -> None:
    recipe("hidden", "Hidden", "os")
    recipe("shown", "A shown one", "os", summary="It is shown.")
    assert next(each.name for each in offered()) == DEFAULT
    assert {"hidden", "shown"} & {each.name for each in offered()} == {"shown"}


def test_two_recipes_with_one_verb_and_odd_questions_are_refused() -> None:
    with pytest.raises(PlanError, match="same verb"):
        recipe("other", "Other", "os", verb="create")
    for names in (("a b",), ("--x",), ("Up",), ("twice", "twice")):
        with pytest.raises(PlanError, match="has a question"):
            recipe("other", "Other", "os", questions=tuple(Question(name, "Label") for name in names))


def _register() -> tuple[Register, Checks]:
    register, checks = Register(), Checks()

    @step("one/write", on="all", register=register)
    def write(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Write what was answered"""
        yield file(WRITTEN, f"{cluster.answers.get('note', '')}\n")

    for id in ("access.facts", "hw.one", "hw.two"):

        @precheck(id, register=checks)
        def looks(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
            """There is nothing to find."""
            return iter(())

    return register, checks


def test_a_recipe_selects_machines_and_prechecks() -> None:
    recipe(
        "some", "Some", "precheck", "one",
        prechecks=("hw.two",), machines=lambda document, answers: answers["some"],
    )  # fmt: skip
    register, checks = _register()
    plan = make_plan(DOCUMENT, "some", steps=register, checks=checks, answers={"some": ["c"]})
    assert [(row.path, row.hosts) for row in plan.steps] == [
        ("precheck/access.facts", ("c",)),
        ("precheck/hw.two", ("c",)),
        ("one/write", ("c",)),
    ]
    with pytest.raises(PlanError, match="d is not a machine"):
        make_plan(DOCUMENT, "some", steps=register, checks=checks, answers={"some": ["d"]})


def test_a_recipe_cannot_name_an_unknown_precheck() -> None:
    recipe("some", "Some", "precheck", "one", prechecks=("hw.three",))
    register, checks = _register()
    with pytest.raises(PlanError, match=r"hw\.three"):
        make_plan(DOCUMENT, "some", steps=register, checks=checks)


def carry_out(register: Register, *, dry_run: bool = False, sink: Kept | None = None) -> tuple[Outcome, dict[str, Any]]:
    recipe("all", "All", Phase("one", "One"))
    hosts = {name: FakeHost(name) for name in ("a", "b", "c")}
    for host in hosts.values():
        host.answer("sha256sum", 1)
    outcome = execute_plan(
        make_plan(DOCUMENT, "all", steps=register, checks=Checks()),
        document=DOCUMENT,
        open_host=lambda spec: hosts[spec.name],
        source=None,  # type: ignore[arg-type]  # no step takes a file
        sink=sink or Kept(),
        cancel=Cancel(),
        dry_run=dry_run,
        answers={"note": "hello"},
    )
    return outcome, hosts


def test_a_step_reads_the_answers() -> None:
    register, heard = Register(), dict[str, Any]()

    @step("one/hear", on="all", register=register)
    def hear(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Hear what was answered"""
        heard[machine.name] = cluster.answers["note"]
        yield Wanted("it was heard", lambda machine: Sight(True), lambda machine: None)

    outcome, _hosts = carry_out(register)
    assert outcome.state == "succeeded"
    assert heard == dict.fromkeys("abc", "hello")


def failing(register: Register, error: Exception) -> None:
    def look(machine: Machine) -> Sight:
        raise error

    @step("one/later", on="all", needs=("one/write",), register=register)
    def later(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Need what the step before makes"""
        yield Wanted("it is there", look, lambda machine: None)


@pytest.mark.parametrize("error", [InstallerError("kubectl is missing."), NoAnswer("The API server is silent.")])
def test_a_dry_run_calls_unforeseen_what_needs_an_earlier_change(error: Exception) -> None:
    register, sink = _register()[0], Kept()
    failing(register, error)
    outcome, hosts = carry_out(register, dry_run=True, sink=sink)
    assert outcome.state == "succeeded"
    assert {(path, state) for path, _host, state in sink.states()} == {
        ("one/write", "would"), ("one/later", "unforeseen"),
    }  # fmt: skip
    (seen,) = [each for each in sink.events if each.kind == "want" and each.step == "one/later" and each.host == "b"]
    assert str(error) in seen.data()["found"] and seen.data()["state"] == "unforeseen"
    assert not any(host.files for host in hosts.values())


def test_a_dry_run_still_fails_where_nothing_before_explains_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusters.engine.tries.PAUSE", 0.0)
    register = Register()
    failing(register, InstallerError("kubectl is missing."))
    outcome, _hosts = carry_out(register, dry_run=True)
    assert outcome.state == "failed"


def test_a_machine_that_is_away_is_a_failure_in_a_dry_run_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusters.engine.tries.RETURN_SECONDS", 0.0)
    monkeypatch.setattr("clusters.engine.tries.TRIES", 1)
    register = _register()[0]
    failing(register, ConnectTimedOut("b does not answer.", retryable=False))
    outcome, _hosts = carry_out(register, dry_run=True)
    assert outcome.state == "failed"


def test_a_dry_run_does_not_wait_for_its_own_changes() -> None:
    register, rounds = _register()[0], list[str]()

    @step("one/wait", on="first-etcd", needs=("one/write",), register=register)
    def wait(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Wait for what was written"""
        rounds.extend(machine.name for _ in machine.looks(30.0, every=0.01))
        yield Wanted("it is there", lambda machine: Sight(False), lambda machine: None)

    outcome, _hosts = carry_out(register, dry_run=True)
    assert outcome.seconds < 10
    assert rounds == ["a"]


@pytest.mark.parametrize("name", ["preview", "yes", "csrfmiddlewaretoken", "settings"])
def test_a_question_has_no_name_of_an_option_of_all_recipes(name: str) -> None:
    with pytest.raises(PlanError, match="has a question"):
        recipe("odd", "Odd", "os", questions=(Question(name, "Odd"),))


def timed_out() -> CommandTimedOut:
    result = Result("b", "look", 124, "", "", 1.0)
    return CommandTimedOut("look took longer than 60 s.", result=result)


@pytest.mark.parametrize(
    "error",
    [
        SourceError("Nothing is there."),
        ConfigError("There is no such version."),
        OutOfTime("It was not done within 60 s."),
        OnlyLooking("It was about to change b."),
        ConnectionLost("The connection broke."),
        timed_out(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_dry_run_fails_for_errors_that_no_step_fixes(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusters.engine.tries.TRIES", 1)
    monkeypatch.setattr("clusters.engine.tries.RETURN_SECONDS", 0.0)
    register = _register()[0]
    failing(register, error)
    outcome, _hosts = carry_out(register, dry_run=True)
    assert outcome.state == "failed"
    assert {failure.found for failure in outcome.failures} == {str(error)}


@pytest.mark.parametrize("error", [InstallerError("kubectl is missing."), NoAnswer("It is silent.", retryable=False)])
def test_a_change_on_another_machine_does_not_explain_an_error(error: Exception) -> None:
    register, sink = Register(), Kept()

    @step("one/write", on="first-etcd", register=register)
    def write(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Write a file on the first machine"""
        yield file(WRITTEN, "new\n")

    @step("one/later", on="all", needs=("one/write",), register=register)
    def later(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Need what the step before makes"""
        while cluster.end_of("a", "one/write") is None:
            machine.pause(0.01)
        yield Wanted("it is there", look, lambda machine: None)

    def look(machine: Machine) -> Sight:
        raise error

    outcome, _hosts = carry_out(register, dry_run=True, sink=sink)
    ends = {(path, host): state for path, host, state in sink.states()}
    assert outcome.state == "failed"
    assert (ends["one/write", "a"], ends["one/later", "b"], ends["one/later", "c"]) == ("would", "failed", "failed")
    assert {failure.found for failure in outcome.failures} == {str(error)}


def test_what_an_earlier_step_leaves_open_is_open_through_others() -> None:
    register, sink = _register()[0], Kept()

    @step("one/between", on="first-etcd", needs=("one/write",), register=register)
    def between(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Be correct already"""
        yield Wanted("it is there", lambda machine: Sight(True), lambda machine: None)

    @step("one/last", on="all", needs_all=("one/between",), register=register)
    def last(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Need what was written, through another step"""
        yield Wanted("it is there", there_is_none, lambda machine: None)

    outcome, _hosts = carry_out(register, dry_run=True, sink=sink)
    assert outcome.state == "succeeded"
    assert {(path, state) for path, _host, state in sink.states()} == {
        ("one/write", "would"), ("one/between", "same"), ("one/last", "unforeseen"),
    }  # fmt: skip


def there_is_none(machine: Machine) -> Sight:
    raise InstallerError("The file is missing.", retryable=True)


def test_a_service_that_reads_what_an_earlier_step_writes_is_restarted() -> None:
    register, sink = _register()[0], Kept()

    @step("one/serve", on="all", register=register, needs=("one/write",))
    def serve(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Run a service with the file"""
        yield service("other", restart_for=("/etc/y",))
        yield service("reader", restart_for=(WRITTEN,))

    carry_out(register, dry_run=True, sink=sink)
    (seen,) = [each.data() for each in sink.events if each.kind == "want" and each.step == "one/serve"
               and each.host == "b" and each.data()["state"] != "same"]  # fmt: skip
    assert (seen["state"], seen["found"]) == ("would", f"reader is restarted for a new {WRITTEN}")

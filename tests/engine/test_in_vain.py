"""A wait ends when its question is impossible; in every other case it continues."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.config.schema import Host
from clusters.engine.machine import FactsOnce, Machine
from clusters.engine.wants import IN_VAIN, NotReached, command, eventually, sight_of, so_if
from clusters.remote.host import Cancel, Result
from clusters.remote.shell import sh
from tests.fake_host import Answer, FakeHost, Ran

NO_PROGRAM = Answer(exit_code=127, stderr="sh: 1: kubectl: not found")
USAGE = "error: unknown flag: --rwa\nSee 'kubectl get --help' for usage."
NO_ADDRESS = 'error: host must be a URL or a host:port pair: "https://127.0.0.1:probe-port"'


class Silent:
    """A sink that ignores events."""

    def emit(self, event: Any) -> None:
        """Nothing."""


def machine(*answers: Answer) -> tuple[Machine, FakeHost]:
    """A machine that gives these answers one after the other, and the last one repeatedly."""
    left = list(answers)

    def next_one(ran: Ran) -> Answer:
        return left.pop(0) if len(left) > 1 else left[0]

    host = FakeHost("a", [("", next_one)])
    known = Machine(Host(name="a", address="10.0.0.1"), host, sink=Silent(), cancel=Cancel(), facts=FactsOnce())
    return known.during("os/x", timeout=60, cancel=Cancel()), host


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (NO_PROGRAM, "kubectl: not found"),
        (Answer(exit_code=126, stderr="sh: 1: kubectl: Permission denied"), "Permission denied"),
        (Answer(exit_code=127), "exit code 127"),
        (Answer(exit_code=1, stderr=NO_ADDRESS), "error: host must be a URL"),
        (Answer(exit_code=1, stderr=USAGE), "error: unknown flag: --rwa$"),
        (Answer(exit_code=1, stderr='error: unknown command "gte" for "kubectl"'), 'error: unknown command "gte"'),
    ],
)
def test_an_impossible_question_is_given_up(answer: Answer, found: str) -> None:
    here, host = machine(answer)
    with pytest.raises(NotReached, match=rf"^It cannot be determined on a whether it answers: .*{found}") as given_up:
        eventually("it answers", so_if(sh("kubectl get")), within=60, every=0.01).reach(here)
    assert len(host.ran) == IN_VAIN
    assert "Waiting does not help" in given_up.value.hint and not given_up.value.retryable


@pytest.mark.parametrize(
    "meanwhile",
    [
        Answer(exit_code=1, stderr="The connection to the server was refused"),
        Answer(exit_code=7),
        Answer(exit_code=-1),
        Answer(exit_code=1, stderr='Error from server (InternalError): parse "unknown": unknown'),
    ],
)
def test_states_that_may_still_be_reached_are_waited_for(meanwhile: Answer) -> None:
    here, host = machine(*[meanwhile] * 9, Answer("ok"))
    eventually("it answers", so_if(sh("kubectl get")), within=60, every=0.001).reach(here)
    assert len(host.ran) == 10


def test_a_program_that_is_just_being_replaced_is_waited_for() -> None:
    here, host = machine(*[NO_PROGRAM, NO_PROGRAM, Answer(exit_code=1)] * 3, Answer("ok"))
    eventually("it answers", so_if(sh("kubectl get")), within=60, every=0.001).reach(here)
    assert len(host.ran) == 10


def test_a_program_may_be_missing_before_the_action_that_installs_it() -> None:
    here, host = machine(NO_PROGRAM)
    want = command("it is there", sh("install"), unless=sh("kubectl version"))
    assert not want.seen(here).so
    host.answer("install", Answer())
    want.reach(here)


def test_the_observation_is_the_last_line_or_the_given_text() -> None:
    def found(code: int, out: str = "", otherwise: str = "") -> str:
        return sight_of(Result("a", "x", code, out, "", 0.1), otherwise).found

    assert sight_of(Result("a", "x", 0, "yes", "", 0.1)).so
    assert found(0, "yes") == ""
    assert (found(1, "a\nb\n", "no"), found(1, "", "no"), found(3)) == ("b", "no", "exit code 3")

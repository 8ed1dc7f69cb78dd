"""A sudo that does not answer in time is reported as silent, without a claim about rights or passwords."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.config.secret import Secret
from clusters.errors import RemoteError
from clusters.remote.errors import SudoRefused
from clusters.remote.session import sudo
from clusters.remote.session.output import Capture, Tap
from clusters.remote.session.perform import Performed, Way
from clusters.remote.target import Target

TARGET = Target("node1", "10.0.0.1", user="ubuntu", password=Secret("right"))


def performed(out: str, err: str = "", *, timed_out: bool = False) -> Performed:
    """The result of a command with this output."""
    return Performed(-1 if timed_out else 0, _tap(out), _tap(err), 60.0, timed_out=timed_out, allowed=60.0)


def _tap(text: str) -> Tap:
    tap = Tap(b"mark", Capture(), None)
    tap.feed(f"mark 1\n{text}".encode())
    tap.finish()
    return tap


@pytest.mark.parametrize(
    "answers",
    [
        [performed("", timed_out=True)],
        [performed("password\n", "sudo: a password is required\n"), performed("", timed_out=True)],
    ],
    ids=["asked-for", "with-the-password"],
)
def test_a_timeout_is_not_a_refusal(answers: list[Performed], monkeypatch: pytest.MonkeyPatch) -> None:
    given = iter(answers)
    monkeypatch.setattr(sudo, "perform", lambda *_, **__: next(given))
    nobody: Any = None
    with pytest.raises(RemoteError, match="sudo on node1 did not answer ubuntu within 60 s") as caught:
        sudo.way_to_root(nobody, TARGET, is_root=False, plain=Way())
    assert not isinstance(caught.value, SudoRefused)
    assert caught.value.retryable

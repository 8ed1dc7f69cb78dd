"""The connection test: each stage is reported as it happens, and where the test stopped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from clusters.config.secret import Secret
from clusters.remote.probe import STAGES, Stage, probe
from tests.known_keys import InMemoryKeys
from tests.remote.bastion import bastion_before
from tests.sshd import free_port

if TYPE_CHECKING:
    from tests.remote.connection.test_link import Person
    from tests.sshd import Sshd

pytestmark = pytest.mark.sshd


def states(stages: tuple[Stage, ...]) -> list[str]:
    return [stage.state for stage in stages]


def test_a_good_machine_passes_every_stage_in_order(sshd: Sshd) -> None:
    told: list[Stage] = []

    report = probe(sshd.target(), sshd.known(), told.append)

    assert report.ok
    assert report.state == "ok"
    assert report.facts is not None
    assert [(stage.name, stage.state) for stage in told] == [
        (name, state) for name in STAGES for state in ("running", "ok")
    ]
    assert report.stages == tuple(stage for stage in told if stage.state == "ok")


def test_reports_can_be_stored_as_json_and_contain_no_secret(sshd: Sshd) -> None:
    told: list[Stage] = []
    probe(sshd.target(), sshd.known(), told.append)

    text = json.dumps([stage.data for stage in told])

    assert sshd.password not in text
    assert json.loads(text)[-1]["arch"] in ("amd64", "arm64")


def test_an_unknown_key_is_asked_about(sshd: Sshd) -> None:
    report = probe(sshd.target(), InMemoryKeys())

    assert report.state == "ask"
    assert report.offered == sshd.key
    assert states(report.stages) == ["ok", "ask", "skipped", "skipped", "skipped"]
    assert report.stages[1].data["offered"]["fingerprint"] == sshd.key.fingerprint


def test_the_test_continues_after_the_key_is_accepted(sshd: Sshd) -> None:
    known = InMemoryKeys()
    first = probe(sshd.target(), known)
    assert first.offered is not None

    known.pin("127.0.0.1", sshd.port, first.offered)

    assert probe(sshd.target(), known).ok


def test_a_changed_key_fails_with_both_keys(sshd: Sshd) -> None:
    known = InMemoryKeys()
    other = sshd.keys["ssh-rsa"]
    known.pin("127.0.0.1", sshd.port, type(other)("ssh-ed25519", other.key, other.fingerprint))

    report = probe(sshd.target(), known)

    assert states(report.stages) == ["ok", "failed", "skipped", "skipped", "skipped"]
    assert report.stages[1].data["pinned"]["fingerprint"] == other.fingerprint
    assert report.offered == sshd.key


def test_a_missing_machine_fails_the_first_stage(sshd: Sshd) -> None:
    report = probe(sshd.target(port=free_port()), sshd.known())

    assert states(report.stages) == ["failed", "skipped", "skipped", "skipped", "skipped"]
    assert report.stages[0].hint
    assert report.error is not None


def test_a_wrong_password_fails_at_login(sshd: Sshd) -> None:
    report = probe(sshd.target(password=Secret("wrong")), sshd.known())

    assert states(report.stages) == ["ok", "ok", "failed", "skipped", "skipped"]
    assert "wrong password" in report.stages[2].message


def test_a_bad_key_fails_at_login_too(sshd: Sshd) -> None:
    report = probe(sshd.target(private_key=Secret("nonsense")), sshd.known())

    assert states(report.stages) == ["ok", "ok", "failed", "skipped", "skipped"]


def test_missing_rights_fail_at_sudo(sshd: Sshd, person: Person) -> None:
    with person() as target:
        report = probe(target, sshd.known())

    assert states(report.stages) == ["ok", "ok", "ok", "failed", "skipped"]
    assert report.stages[3].data["error"] == "SudoNotAllowed"


def test_a_jump_host_is_the_first_stage_with_its_own_key(sshd: Sshd) -> None:
    with bastion_before(sshd) as bastion:
        told: list[Stage] = []
        first = probe(bastion.target(), sshd.known(), told.append)
        known = bastion.known()
        good = probe(bastion.target(), known)
        bad = probe(bastion.target(via=bastion.hop(password=Secret("wrong"))), known)
        gone = probe(bastion.target(port=free_port()), known)

    assert told[0] == Stage("jump", "running")
    assert states(first.stages) == ["ask", *["skipped"] * 5]
    offered = first.stages[0].data["offered"]
    assert (offered["address"], offered["port"]) == ("127.0.0.1", bastion.server.port)
    assert offered["fingerprint"] == bastion.server.key.fingerprint
    assert good.ok
    assert good.stages[0].message == f"through {bastion.server.user}@127.0.0.1:{bastion.server.port}"
    assert states(bad.stages) == ["failed", *["skipped"] * 5]
    assert states(gone.stages) == ["ok", "failed", *["skipped"] * 4]


def test_a_jump_host_that_does_not_forward_fails_at_its_own_stage(sshd: Sshd) -> None:
    with bastion_before(sshd, "AllowTcpForwarding no") as bastion:
        report = probe(bastion.target(), bastion.known())

    assert states(report.stages) == ["failed", *["skipped"] * 5]
    assert report.stages[0].data["error"] == "JumpRefused"

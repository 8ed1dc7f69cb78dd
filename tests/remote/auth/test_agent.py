"""Keys of a real ssh-agent: used when a machine requests them, with a clear error when that fails."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from clusters.config.secret import Secret
from clusters.remote import errors
from clusters.remote.connection.link import open_link
from clusters.remote.shell import sh
from clusters.remote.ssh import SshHost
from tests.remote.bastion import bastion_before
from tests.sshd import generate_key, running_sshd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clusters.remote.target import Target
    from tests.sshd import Sshd

pytestmark = pytest.mark.sshd


class Agent:
    """A running ssh-agent."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = str(directory / "agent")
        self.process = subprocess.Popen(["ssh-agent", "-D", "-a", self.socket], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not os.path.exists(self.socket) and time.monotonic() < deadline:  # noqa: PTH110 - a socket by its name
            time.sleep(0.02)

    def add(self, name: str, kind: str = "ed25519", *options: str, key: Path | None = None) -> str:
        """Add a key with this comment, a new one unless it is given; returns its fingerprint."""
        path = key or self.directory / name
        if key is None:
            generate_key(path, kind)
            self.run("ssh-keygen", "-q", "-c", "-C", name, "-P", "", "-f", str(path))
        self.run("ssh-add", "-q", *options, str(path))
        return self.run("ssh-keygen", "-lf", f"{path}.pub").split()[1]

    def run(self, *command: str, given: str = "") -> str:
        """The output of a command that uses this agent."""
        environment = os.environ | {"SSH_AUTH_SOCK": self.socket, "SSH_ASKPASS_REQUIRE": "force"}
        environment |= {"SSH_ASKPASS": given or "/bin/false"}
        return subprocess.run(command, check=True, env=environment, text=True, capture_output=True).stdout

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(5)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path)
    yield agent
    agent.close()


def target(sshd: Sshd, agent: Agent | None, key: str = "any", **changes: object) -> Target:
    socket = agent.socket if agent else None
    return sshd.target(**({"password": None, "agent_key": key, "agent_socket": socket} | changes))


def allow(sshd: Sshd, agent: Agent, name: str) -> str:
    """Authorize the key; returns what was authorized before."""
    allowed = sshd.directory / "authorized_keys"
    before = allowed.read_text()
    allowed.write_text(before + (agent.directory / f"{name}.pub").read_text())
    return before


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_key_of_the_agent_logs_in(sshd: Sshd, agent: Agent, kind: str) -> None:
    fingerprint = agent.add("mine", kind)
    before = allow(sshd, agent, "mine")
    try:
        for wanted in ("any", fingerprint, "mine"):
            open_link(target(sshd, agent, wanted), sshd.known()).close()
    finally:
        (sshd.directory / "authorized_keys").write_text(before)


def test_the_agent_is_never_forwarded(sshd: Sshd, agent: Agent) -> None:
    agent.add("mine", key=sshd.directory / "client")
    host = SshHost(target(sshd, agent, user="root"), sshd.known())

    assert host.run(sh("echo [$SSH_AUTH_SOCK]; ssh-add -l 2>&1 || true")).stdout.startswith("[]\n")
    host.close()


def test_keys_that_are_not_accepted_are_listed(sshd: Sshd, agent: Agent) -> None:
    prints = [agent.add("one"), agent.add("two")]

    with pytest.raises(errors.LoginRefused, match="the key is not accepted") as caught:
        open_link(target(sshd, agent), sshd.known())

    assert f"Tried from the agent: {prints[0]} (one), {prints[1]} (two)." in str(caught.value)
    assert caught.value.tried == ("publickey",)


def test_only_the_named_key_is_tried(sshd: Sshd, agent: Agent) -> None:
    agent.add("client", key=sshd.directory / "client")
    other = agent.add("other")

    with pytest.raises(errors.LoginRefused) as caught:
        open_link(target(sshd, agent, "other"), sshd.known())

    assert str(caught.value).count("SHA256:") == 1
    assert other in str(caught.value)


def test_a_missing_key_is_reported_with_the_keys_of_the_agent(sshd: Sshd, agent: Agent) -> None:
    there = agent.add("there")

    with pytest.raises(errors.AgentUnavailable, match="needs the key SHA256:nowhere") as caught:
        open_link(target(sshd, agent, "SHA256:nowhere"), sshd.known())

    assert f"{there} (there)" in str(caught.value)


def test_an_agent_without_keys_is_reported(sshd: Sshd, agent: Agent) -> None:
    with pytest.raises(errors.AgentUnavailable, match="the agent has no keys") as caught:
        open_link(target(sshd, agent), sshd.known())

    assert "ssh-add" in caught.value.hint


def test_a_locked_agent_is_reported(sshd: Sshd, agent: Agent, tmp_path: Path) -> None:
    agent.add("mine")
    ask = tmp_path / "ask"
    ask.write_text("#!/bin/sh\necho secret\n")
    ask.chmod(0o755)
    agent.run("ssh-add", "-x", given=str(ask))

    with pytest.raises(errors.AgentUnavailable, match="no keys") as caught:
        open_link(target(sshd, agent), sshd.known())

    assert "locked" in caught.value.hint


def test_an_agent_that_refuses_to_sign_is_reported_and_the_password_is_tried(sshd: Sshd, agent: Agent) -> None:
    agent.add("asks", "ed25519", "-c")  # waits for a person's confirmation, which never comes

    with pytest.raises(errors.LoginRefused, match="with which the agent did not sign"):
        open_link(target(sshd, agent), sshd.known())
    open_link(target(sshd, agent, password=Secret(sshd.password)), sshd.known()).close()


def test_too_many_keys_for_the_machine_are_reported(sshd: Sshd, agent: Agent, tmp_path: Path) -> None:
    prints = [agent.add(f"key-{number}") for number in range(4)]
    (tmp_path / "server").mkdir()
    with (
        running_sshd(tmp_path / "server", sshd.user, sshd.password, "MaxAuthTries 2\n") as other,
        pytest.raises(errors.LoginRefused, match="It disconnected after 2 keys") as caught,
    ):
        open_link(target(other, agent), other.known())

    assert prints[1] in str(caught.value) and prints[2] not in str(caught.value)
    assert "fingerprint" in caught.value.hint


def test_a_missing_or_dead_agent_socket_is_reported(sshd: Sshd, agent: Agent) -> None:
    with pytest.raises(errors.AgentUnavailable, match="SSH_AUTH_SOCK is not set"):
        open_link(target(sshd, agent, agent_socket=""), sshd.known())
    agent.close()
    with pytest.raises(errors.AgentUnavailable, match=f"no agent answers at {agent.socket}"):
        open_link(target(sshd, agent), sshd.known())


def test_an_agent_is_not_used_unless_that_is_allowed(sshd: Sshd, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    agent.add("client", key=sshd.directory / "client")
    monkeypatch.setenv("SSH_AUTH_SOCK", agent.socket)

    with pytest.raises(errors.AgentUnavailable, match="may not use one") as caught:
        open_link(target(sshd, None, user="root"), sshd.known())
    assert "SLIPWAY_SSH_AGENT=1" in caught.value.hint
    with pytest.raises(errors.LoginRefused):
        open_link(target(sshd, agent, "", user="root"), sshd.known())


def test_a_key_of_the_agent_opens_the_jump_host_too(sshd: Sshd, agent: Agent) -> None:
    agent.add("mine")
    before = allow(sshd, agent, "mine")
    try:
        with bastion_before(sshd) as bastion:
            allow(bastion.server, agent, "mine")
            hop = bastion.hop(password=None, agent_key="mine", agent_socket=agent.socket)
            host = bastion.host(bastion.target(via=hop))
            assert host.run(sh("true"), sudo=False).ok
            host.close()
    finally:
        (sshd.directory / "authorized_keys").write_text(before)

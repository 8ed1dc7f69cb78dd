"""A proxy in a machine's environment does not take what Slipway's commands send to the cluster's own addresses."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from clusters.config.secret import Secret
from clusters.remote import ssh
from clusters.remote.session.envelope import directly
from clusters.remote.shell import sh
from clusters.remote.ssh import SshHost
from clusters.remote.target import Target
from tests.remote.test_sudo_silent import performed

WORDS = ("lb.kubesphere.local", "10.233.0.0/18")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"https_proxy": "http://p:1"}, "lb.kubesphere.local,10.233.0.0/18"),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "a.b"}, "a.b,lb.kubesphere.local,10.233.0.0/18"),
        ({"https_proxy": "http://p:1", "no_proxy": "c", "NO_PROXY": "d"}, "c,lb.kubesphere.local,10.233.0.0/18"),
        ({"no_proxy": "a.b"}, "a.b"),
        ({}, ""),
    ],
)
def test_commands_bypass_the_proxy_for_the_cluster(environment: dict[str, str], expected: str) -> None:
    command = directly(sh('echo "$no_proxy|$https_proxy|$NO_PROXY"'), WORDS)
    done = subprocess.run(
        ["/bin/sh", "-c", command.text], env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True
    )
    without, proxy, capitals = done.stdout.strip().split("|")
    assert without == expected
    assert proxy == environment.get("https_proxy", "")
    assert capitals == expected or not ({"https_proxy", "HTTP_PROXY"} & set(environment))


def test_every_command_of_a_machine_has_the_words_of_its_target(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def perform(host: SshHost, command: Any, *_: Any, **__: Any) -> Any:
        sent.append(command.text)
        return performed("ok")

    monkeypatch.setattr(ssh.SshHost, "_perform", perform)
    nobody: Any = None
    result = SshHost(Target("n", "192.0.2.1", password=Secret("x"), direct=WORDS), nobody).run(sh("kubeadm init"))
    assert "10.233.0.0/18" in sent[0] and sent[0].endswith("\nkubeadm init")
    assert result.command == "kubeadm init"

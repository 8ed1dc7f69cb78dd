"""A difference of files, as previews and logs show it, holds no secret that is on the machine or is to be there."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.paths import KUBEADM_CONFIG
from clusters.catalog.runtimes import containerd
from clusters.config.secret import MASK
from clusters.engine.differences import difference
from clusters.engine.wants import FileWant, file
from tests.catalog.pretend import pretend, seed
from tests.security.pumps import MOST_GROWTH, growth_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OLD = {
    containerd.CONFIG: '[plugins."x".registry.configs."h.example".auth]\n  username = "me"\n  password = "Hid-old-1"\n',
    KUBEADM_CONFIG: "apiServer:\n  extraArgs:\n  - name: oidc-client-secret\n    value: Hid-old-1\n",
    "/etc/etcd.env": "ETCD_NAME=a\nETCD_ROOT_PASSWORD=Hid-old-1\n",
    "/etc/keepalived/keepalived.conf": "vrrp_instance a {\n  authentication {\n    auth_pass Hid-old-1\n  }\n}\n",
    "/etc/key.pem": "a: b\n-----BEGIN EC PRIVATE KEY-----\nHid-old-1\nHid-old-2\n-----END EC PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("path", OLD)
def test_what_is_on_a_machine_is_shown_without_secrets(
    path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cluster, hosts, _kept = pretend(monkeypatch, tmp_path)
    machine = cluster.machine("node1")
    hosts["node1"].answer("sha256sum", "0\n600 root:root\n")
    machine.host.put(OLD[path].encode(), path)
    sight = file(path, "another: text\n").seen(machine)
    assert not sight.so
    assert "+another: text" in sight.diff
    assert MASK in sight.diff
    assert "Hid-old" not in sight.diff


def test_a_login_that_the_document_has_no_longer_is_not_shown_in_a_preview(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    auths = {"h.example": {"username": "me", "password": "Hid-old-1"}}
    before, _hosts, _kept = pretend(monkeypatch, tmp_path, seed(registry={"auths": auths}))
    old = containerd.config(before.machine("node1"), before)
    assert "Hid-old-1" in old
    cluster, hosts, _kept = pretend(monkeypatch, tmp_path)
    machine = cluster.machine("node1")
    hosts["node1"].answer("sha256sum", "0\n600 root:root\n")
    machine.host.put(old.encode(), containerd.CONFIG)
    wants = [each for each in containerd.containerd(machine, cluster) if isinstance(each, FileWant)]
    diff = next(each for each in wants if each.path == containerd.CONFIG).seen(machine).diff
    assert MASK in diff
    assert "Hid-old-1" not in diff


def test_another_password_is_a_difference() -> None:
    found = difference("a: b\npassword: Hid-old-1\n", "a: b\npassword: Hid-new-2\n")
    assert found.split("\n")[3:] == [" a: b", f"-password: {MASK}", f"+password: {MASK}"]


@pytest.mark.parametrize("turned", [False, True])
def test_a_line_that_did_not_change_is_masked_as_in_both_texts(turned: bool) -> None:
    line = "root:Hid-one PASSWORD=Hid-two"
    plain, piped = (f"#!/bin/sh\ncat <<E{reader}\n{line}\nE\n" for reader in ("", " | chpasswd"))
    diff = difference(piped, plain) if turned else difference(plain, piped)
    assert MASK in diff and "chpasswd" in diff
    assert "Hid-" not in diff


def test_a_difference_without_secrets_is_the_usual_one() -> None:
    old = "\n".join(f"line {number}" for number in range(60))
    for new in (old.replace("line 7", "x"), old + "\nmore", old.replace("line 30\n", ""), "", old):
        usual = unified_diff(old.splitlines(), new.splitlines(), "now", "wanted", lineterm="")
        assert difference(old, new) == "\n".join(usual)


def of_size(size: int) -> Callable[[], object]:
    """A file of so many lines with a password in each."""
    old = "".join(f"password_{number}: Hid-{number}\n" for number in range(size))
    return lambda: difference(old, old + "end\n")


def test_large_files_take_time_in_proportion() -> None:
    assert growth_of(of_size, 500) < MOST_GROWTH


def test_a_secret_of_one_text_is_masked_where_the_other_one_mentions_it() -> None:
    shown = difference("token: Hid-old-1\n", "# replaced Hid-old-1 on Monday\n")
    assert "Hid-old-1" not in shown
    assert f"+# replaced {MASK} on Monday" in shown


def test_an_ordinary_word_that_is_a_password_hides_no_other_place() -> None:
    shown = difference("password: kubernetes\n", "# the kubernetes network\n")
    assert "+# the kubernetes network" in shown

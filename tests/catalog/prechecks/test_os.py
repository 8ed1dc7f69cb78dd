"""An unknown distribution, missing services and tools, swap and SELinux are reported."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.prechecks import os
from tests.catalog.prechecks.findings import Case, expect_measured, found
from tests.catalog.pretend import answers_dials, pretend

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "case",
    [
        ("os.supported", "node2", {"os_id": "slackware", "os_name": "Slackware"}, "warning", "Slackware"),
        ("os.systemd", "node2", {"systemd": False, "init": "openrc"}, "error", "openrc"),
        ("os.swap_off", "node2", {"swap_mb": 512}, "warning", "512 MiB of swap"),
    ],
)
def test_a_bad_machine_is_reported_with_what_was_measured(
    case: Case, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_measured(case, archive, monkeypatch)


@pytest.mark.parametrize(("state", "count"), [("enforcing", 1), ("permissive", 0), ("disabled", 0), ("", 0)])
def test_selinux_that_enforces_is_told(state: str, count: int, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, node2={"selinux": state})
    assert len(found("os.selinux", cluster, "node2")) == count


APT = "source http://deb.example/debian/dists/stable/InRelease\nsource https://sec.example/x\n"


@pytest.mark.parametrize(
    ("sources", "dials", "words"),
    [
        ("none\n", {}, "has none of the package tools"),
        ("", {}, "no package source is set up there"),
        (APT, {}, ""),
        (APT, {"deb.example": "", "sec.example": "connected"}, ""),
        (APT, {"deb.example": "", "sec.example": "connect: Connection refused"}, "reaches none of its package"),
        (APT + "source file:/srv/packages/x\n", {"deb.example": "", "sec.example": ""}, ""),
        (
            "proxy http://proxy.example:3128\n" + APT,
            {"proxy.example/3128": "", "deb.example": ""},
            "proxy.example: ",
        ),
        ("proxy http://proxy.example:3128\n" + APT, {"deb.example": "", "sec.example": ""}, ""),
        (
            "source https://[::1/x\nsource http://h:99999999/x\nproxy http://[x\n",
            {},
            "no package source is set up there",
        ),
        ("source https://[::1/x\nproxy http://p:x\n" + APT, {"deb.example": "", "sec.example": "connected"}, ""),
        ("source http://mirror.example/$releasever/x\n", {"mirror.example/80": ""}, "mirror.example: timed out"),
    ],
)
def test_missing_tools_need_a_package_source_that_answers(
    sources: str, dials: dict[str, str], words: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("for c in conntrack", "conntrack\nsocat\n")
    hosts["node2"].answer("exec 3<>", answers_dials(**dials))
    hosts["node2"].answer("apt-get update --print-uris", sources)
    messages = [finding.message for finding in found("pkg.tools", cluster, "node2")]
    assert len(messages) == bool(words)
    assert all(words in message and message.startswith("node2 lacks conntrack, socat") for message in messages)
    assert not found("pkg.tools", cluster, "node3"), "with all tools there no source is asked about"


def test_package_sources_of_this_machine_are_listed_without_fetching_anything() -> None:
    ran = subprocess.run(["/bin/sh", "-c", os.LIST_SOURCES], check=True, capture_output=True, text=True)
    assert ran.stderr == ""
    assert all(line.split()[0] in ("proxy", "source", "none") for line in ran.stdout.splitlines())

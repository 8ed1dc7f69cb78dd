"""The package that `pip wheel .` builds is complete, and its command runs from an empty folder."""

from __future__ import annotations

import email
import os
import re
import socket
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from installer_site import __version__
from tests.proc import children_of, words_of
from tests.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.processes]

ROOT = Path(__file__).resolve().parents[2]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
STOP_SECONDS = 90
KEPT_OUT = ("SLIPWAY_", "DJANGO_", "PYTHON", "PYTEST_", "XDG_", "COV_")


@dataclass(frozen=True)
class Installed:
    """The wheel, and a virtual environment with it installed."""

    wheel: Path
    environment: Path
    folder: Path
    """Empty, and the current folder of what runs."""

    def variables(self, **more: str) -> dict[str, str]:
        """The environment variables of a user without settings for Slipway."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(KEPT_OUT)}
        return {**ours, "HOME": str(self.folder.parent / "home"), "PYTHONUNBUFFERED": "1", **more}

    def run(self, program: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, which must succeed."""
        done = subprocess.run(
            [self.environment / "bin" / program, *arguments],
            cwd=self.folder,
            env=self.variables(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    @property
    def packages(self) -> Path:
        """The directory where the wheel was unpacked."""
        (found,) = self.environment.glob("lib/python*/site-packages")
        return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without a network: the build backend is among the tools for tests."""
    place = tmp_path_factory.mktemp("wheel")
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir")
    subprocess.run([*PIP, "wheel", *offline, "-w", place, ROOT], check=True, timeout=110)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Installed:
    """In a separate environment, which borrows the packages that Slipway needs from the tests' environment."""
    environment, folder = tmp_path / "environment", tmp_path / "empty"
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True, timeout=60)
    found = Installed(wheel, environment, folder)
    (found.packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    into = ("--python", environment / "bin" / "python")
    subprocess.run([*PIP, *into, "install", "--no-index", "--no-deps", wheel], check=True, timeout=60)
    return found


@contextmanager
def serving(installed: Installed, listen: str) -> Iterator[subprocess.Popen[bytes]]:
    """`slipway serve`, with a data directory given by a relative path."""
    with (installed.folder.parent / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [installed.environment / "bin" / "slipway", "serve", "--listen", listen],
            cwd=installed.folder,
            env=installed.variables(SLIPWAY_DATA_DIR="data"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def fetched(url: str) -> tuple[int, str]:
    """Status and text; 0 while nothing listens there."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""


def test_the_installed_command_serves_pages_from_an_empty_folder(installed: Installed) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    with serving(installed, listen) as process:
        log = installed.folder.parent / "serve.log"
        wait_for(
            lambda: process.poll() is not None or fetched(f"http://{listen}/healthz") == (200, "ok\n"), what="health"
        )
        assert process.poll() is None, log.read_text()
        assert "one-time password" in log.read_text()
        status, page = fetched(f"http://{listen}/accounts/login/")
        assert status == 200
        styles = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
        assert any("css/app" in path for path in styles), page
        assert any("bootstrap" in path for path in styles), page
        assert {path: fetched(f"http://{listen}{path}")[0] for path in styles} == dict.fromkeys(styles, 200)
        installed.run("python", "-P", "-m", "installer_site.health", SLIPWAY_LISTEN=listen)
        wait_for(lambda: any("work" in words_of(child) for child in children_of(process.pid)), what="the worker")
    assert process.returncode == 0, log.read_text()
    assert "restarting" not in log.read_text()  # neither web process nor worker died
    assert [path.name for path in installed.folder.iterdir()] == ["data"]
    assert (installed.folder / "data" / "slipway.sqlite3").is_file()
    # Its children run in the same folder, so that a relative path means the same for all of them.
    assert not (installed.packages / "data").exists()


def test_hints_name_the_command_slipway(installed: Installed) -> None:
    assert installed.run("slipway", "cluster", "create", "--help").stdout.startswith("usage: slipway cluster create")
    assert installed.run("slipway", "--version").stdout == f"slipway {__version__}\n"
    asked = "from clusters.places import command_line; print(command_line('work'))"
    assert installed.run("python", "-c", asked).stdout == "slipway work\n"


def test_data_is_in_the_home_directory_by_default(installed: Installed) -> None:
    installed.run("slipway", "migrate", "-v0")
    assert (installed.folder.parent / "home/.local/share/slipway/slipway.sqlite3").is_file()
    installed.run("slipway", "migrate", "-v0", XDG_DATA_HOME=str(installed.folder.parent / "elsewhere"))
    assert (installed.folder.parent / "elsewhere/slipway/slipway.sqlite3").is_file()
    assert not (installed.packages / "var").exists()
    assert list(installed.folder.iterdir()) == []


def test_the_wheel_has_every_page_and_migration_and_no_test(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        inside = set(file.namelist())
    pages = [path for folder in ("templates", "static") for path in (ROOT / folder).rglob("*") if path.is_file()]
    expected = {f"installer_site/shipped/{path.relative_to(ROOT)}" for path in pages}
    code = [path for folder in ("clusters", "installer_site") for path in (ROOT / folder).rglob("*.py")]
    expected |= {str(path.relative_to(ROOT)) for path in code}
    assert len(pages) > 100
    assert "clusters/migrations/0001_initial.py" in inside
    assert sorted(expected - inside) == []
    metadata = f"slipway-{__version__}.dist-info"
    assert {name.split("/")[0] for name in inside} == {"clusters", "installer_site", metadata}
    assert f"{metadata}/licenses/LICENSE" in inside


def test_the_wheel_requires_what_the_list_of_requirements_names(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        metadata = email.message_from_bytes(file.read(f"slipway-{__version__}.dist-info/METADATA"))
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    required = [Requirement(line) for line in metadata.get_all("Requires-Dist") or ()]
    listed = [Requirement(line) for line in lines]
    assert len(listed) > 10
    assert {(each.name.lower(), each.specifier) for each in required} == {
        (each.name.lower(), each.specifier) for each in listed
    }
    assert metadata["License-Expression"] == "Apache-2.0"

"""What every test may use: an owner, a stranger, an administrator, and their clusters and runs."""

from __future__ import annotations

import gc
import json
import os
import socket
from collections import Counter
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from django.contrib.auth.models import User
    from pytest_django import Settings
    from pytest_django.plugin import DjangoDbBlocker

    from clusters.models import Cluster, Run

    BundleOf = Callable[..., None]

# Machines, webhooks and scans of tests are on loopback, which is refused unless the setting names it: here, for this
# process and for those that tests start. `tests/security/test_networks.py` has the default.
NETWORKS = ["private", "127.0.0.0/8", "::1"]
os.environ["SLIPWAY_ALLOWED_NETWORKS"] = ",".join(NETWORKS)
settings.SLIPWAY_ALLOWED_NETWORKS = NETWORKS

# A machine that is busy with something else is slow for a moment, which is not a fault of the code.
hypothesis.settings.register_profile("slipway", deadline=None)
hypothesis.settings.register_profile("fast", deadline=None, max_examples=8)
hypothesis.settings.load_profile("slipway")

SEED = """\
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata:
  name: sample
spec:
  hosts:
  - {name: node1, address: 10.99.0.1, internalAddress: 10.99.0.1, password: "Qcloud@123"}
  - {name: node2, address: 10.99.0.2, internalAddress: 10.99.0.2, user: ubuntu, password: "Testing123"}
  - {name: node3, address: 10.99.0.3, internalAddress: 10.99.0.3, user: ubuntu, password: "Testing123"}
  roleGroups:
    etcd: [node1]
    master: [node1]
    worker: [node2, node3]
  controlPlaneEndpoint:
    domain: lb.kubesphere.local
    address: ""
    port: 6443
  kubernetes:
    version: v1.20.2
    clusterName: cluster.local
    containerManager: containerd
    proxyMode: iptables
  network:
    plugin: bridge
    kubePodsCIDR: 10.233.64.0/18
    kubeServiceCIDR: 10.233.0.0/18
"""
"""Three machines in KubeKey's format; nothing answers at the addresses."""

NEEDS = {
    "sshd": {"sshd", "faraway"},
    "lab": {"lab", "lab_bundle", "bundle_before", "seed_era_bundle", "conformance_suite"},
    "browser": {"browser", "chromium", "page"},
}
"""Marker -> the fixtures that give a test this marker."""

PATIENT = {"processes": 400, "sshd": 400}
"""Seconds for tests of a marker: they wait several times for processes to start, each time with a limit."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests that need a machine, the lab or a browser, so that -m can leave them out.

    Tests of processes get more time than others, unless they set their own limit.

    Files of tests marked `early` come first: started last, one of them would run alone at the end.
    """
    sampled: Counter[str] = Counter()
    early = set()
    for item in items:
        markers = {marker.name for marker in item.iter_markers()}
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("examples")
        if "sampled" in markers and (sample := item.get_closest_marker("sampled")) is not None:
            function = item.nodeid.partition("[")[0]
            if sampled[function] % sample.args[0]:
                item.add_marker("thorough")
            sampled[function] += 1
        for name, fixtures in NEEDS.items():
            if name not in markers and not fixtures.isdisjoint(getattr(item, "fixturenames", ())):
                item.add_marker(name)
                markers.add(name)
        for name, seconds in PATIENT.items():
            if name in markers and "timeout" not in markers:
                item.add_marker(pytest.mark.timeout(seconds))
        if "early" in markers:
            early.add(item.path)
    items.sort(key=lambda item: item.path not in early)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print measurements (see the fixture `figure`) at the end, for passed and failed tests."""
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {value}"
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, value in report.user_properties
        if name == "figure"
    ]
    if lines:
        terminalreporter.section("what was measured")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the garbage collector, which would visit the growing list of tests repeatedly, also later."""
    usual = gc.get_threshold()
    gc.set_threshold(0)
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(*usual)


def pytest_unconfigure() -> None:
    """Django removes the test database, but not SQLite's files beside it."""
    for path in settings.SLIPWAY_DATA_DIR.glob(f"test-{os.getpid()}*.sqlite3*"):
        path.unlink(missing_ok=True)


_connect = socket.socket.connect
_in_lab = False


def _careful(self: socket.socket, address: Any) -> None:
    near = ("127.", "::1", "localhost")
    if self.family in (socket.AF_INET, socket.AF_INET6) and not _in_lab and not str(address[0]).startswith(near):
        raise OSError(f"Tests stay on loopback; this one wanted {address[0]}.")
    _connect(self, address)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that connects to the internet fails at once, and names the address. The lab's machines are exempt."""
    global _in_lab
    _in_lab = item.get_closest_marker("lab") is not None


def pytest_configure(config: pytest.Config) -> None:
    """Once for all tests: thousands of them take less time than setting this up."""
    if "not thorough" in config.option.markexpr:
        hypothesis.settings.load_profile("fast")
    socket.socket.connect = _careful  # type: ignore[method-assign, assignment]  # it reads the address of any family
    # Hashing is slow on purpose; tests that create many users need not wait for it.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_listed_once() -> Iterator[None]:
    """Each test's client creates the middleware again, which reads the same two folders for a tenth of a second."""
    from servestatic.middleware import ServeStaticMiddleware

    read = ServeStaticMiddleware.add_files_from_finders
    found: dict[str, Any] = {}

    def add(middleware: ServeStaticMiddleware) -> None:
        if not found:
            read(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServeStaticMiddleware, "add_files_from_finders", add)
        yield


@pytest.fixture
def bundle_of(settings: Settings, tmp_path: Path) -> BundleOf:
    """Makes the artifact source a bundle whose index has these Kubernetes versions, and otherwise only `parts`."""

    def bundle(*versions: str, **parts: tuple[str, ...]) -> None:
        def releases(versions: tuple[str, ...]) -> list[dict[str, object]]:
            file = {"path": "kubelet", "sha256": "0" * 64}
            return [{"version": version, "arch": "amd64", "files": [file]} for version in versions]

        components = {name: releases(each) for name, each in {"kubernetes": versions, **parts}.items()}
        root = tmp_path / "bundle"
        root.mkdir(exist_ok=True)
        (root / "bundle.yaml").write_text(json.dumps({"components": components}))
        settings.SLIPWAY_ARTIFACTS = str(root)

    return bundle


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database, migrated; in SQLite, tests that commit restore it instead of emptying it."""
    from tests.databases import restored_as_migrated

    with restored_as_migrated(django_db_blocker):
        yield


@pytest.fixture(autouse=True)
def _audit_can_be_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """Django empties PostgreSQL after tests with transactions; this removes the triggers that refuse it."""
    marker = request.node.get_closest_marker("django_db")
    commits = marker is not None and marker.kwargs.get("transaction", False)
    commits = commits or bool({"transactional_db", "live_server"} & set(request.fixturenames))
    if not commits or "sqlite" in settings.DATABASES["default"]["ENGINE"]:
        yield
        return
    # Requested here, so that the database is emptied after this fixture has ended.
    request.getfixturevalue("transactional_db")
    yield
    from django.db import connection

    from clusters.models import append_only

    append_only.remove(connection)


@pytest.fixture
def seed() -> str:
    """The seed example as text."""
    return SEED


@pytest.fixture
def alice(db: None, django_user_model: type[User]) -> User:
    """Owns what the tests make."""
    return django_user_model.objects.create_user("alice", password="alice-likes-ships")


@pytest.fixture
def bob(db: None, django_user_model: type[User]) -> User:
    """A stranger: logged in, but owns nothing here."""
    return django_user_model.objects.create_user("bob", password="bob-likes-boats")


@pytest.fixture
def admin(db: None, django_user_model: type[User]) -> User:
    """Sees everything."""
    return django_user_model.objects.create_superuser("root", password="root-likes-rafts")


@pytest.fixture
def cluster(alice: User) -> Cluster:
    """Alice's draft with the seed example."""
    from clusters.models import Cluster

    return Cluster.objects.create(owner=alice, name="sample", document=SEED)


@pytest.fixture
def make_run(cluster: Cluster) -> Callable[..., Run]:
    """Creates runs of Alice's cluster; by default one that waits for a worker."""
    from clusters.models import Run

    def make(**fields: Any) -> Run:
        usual = {"cluster": cluster, "document": SEED, "asked_by": cluster.owner, "cluster_before": cluster.state}
        return Run.objects.create(**{**usual, **fields})

    return make

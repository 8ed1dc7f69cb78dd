"""An installed cluster on the lab: commands for tests, and clients that use it meanwhile."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from clusters.config.carried_files import carry
from clusters.config.load import load
from clusters.config.root_texts import root_texts
from tests.e2e import walking
from tests.e2e.serving import serving
from tests.lab.commands import LabError
from tests.processes import PATIENCE, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from tests.ha.layouts import Layout
    from tests.lab.hosts import LabHost
    from tests.lab.lab import Lab

ROOT = Path(__file__).resolve().parents[2]
INSTALL_SECONDS = 900


TIMELINE = """
import json
from clusters.models import Run
from clusters.selectors import run_timeline
run = Run.objects.earliest("pk")
print(json.dumps([(run.finished_at - run.started_at).total_seconds(), run_timeline(run).critical_seconds]))
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One request of a client: times in seconds since the epoch."""

    number: int
    start: float
    end: float
    error: str | None


@dataclass
class Client:
    """A running client; `answers` is available while it runs."""

    process: subprocess.Popen[bytes]
    output: Path
    name: str
    """The prefix of its ConfigMaps' names."""

    def answers(self) -> list[Answer]:
        """The answers that it has recorded so far."""
        return [Answer(**json.loads(line)) for line in self.output.read_text().splitlines() if line.endswith("}")]

    def written(self) -> set[str]:
        """The ConfigMaps whose creation was acknowledged, as kubectl names them."""
        return {f"configmap/{self.name}-{answer.number}" for answer in self.answers() if answer.error is None}

    def stop(self) -> list[Answer]:
        """End it, and return all its answers."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        return self.answers()


def longest_silence(answers: list[Answer]) -> float:
    """The longest time in seconds between the ends of two successful requests."""
    ends = [answer.end for answer in answers if answer.error is None]
    return max((later - earlier for earlier, later in itertools.pairwise(ends)), default=float("inf"))


def allowed_silence(seconds: float, answers: list[Answer], deed: float) -> float:
    """So many seconds, or on a busy machine five times the longest silence before the outage."""
    return max(seconds, 5 * longest_silence([answer for answer in answers if answer.end < deed]))


@dataclass
class Installed:
    """The cluster of a layout, with access as the lab's own root."""

    lab: Lab
    layout: Layout
    hosts: list[LabHost]
    document: Path
    place: Path
    variables: dict[str, str]
    program: Path
    log: str = ""
    """The text of the run's page, if the cluster was installed in the browser."""

    def host(self, name: str) -> LabHost:
        """The host of that name."""
        return next(host for host in self.hosts if host.name == name)

    def create(self) -> str:
        """`manage.py cluster create`; returns its output. Fails the test when it fails."""
        read = [word for digest in self.digests() for word in ("--acknowledge", digest)]
        done = self.manage("cluster", "create", "-f", str(self.document), "--accept-host-keys", "--yes", *read)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        return done.stdout

    def digests(self) -> list[str]:
        """The digests of the document's texts that run as root."""
        document = load(self.document.read_text()).document
        return [text.digest for text in root_texts(carry(document, self.document.parent))] if document else []

    def change(self, edit: Callable[[dict[str, Any]], None]) -> None:
        """Change the document: `edit` gets its `spec`."""
        whole = yaml.safe_load(self.document.read_text())
        edit(whole["spec"])
        self.document.write_text(yaml.safe_dump(whole, sort_keys=False))

    def first_run(self) -> tuple[float, float]:
        """The seconds of the installation and of its critical path, according to its timeline."""
        done = self.manage("shell", "-v0", "-c", TIMELINE)
        assert done.returncode == 0, done.stderr
        took, critical = json.loads(done.stdout.strip().splitlines()[-1])
        return took, critical

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of Slipway's."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )

    def kubectl(self, *arguments: str, on: str = "", text: str = "") -> str:
        """kubectl with the administrator's rights, on the API server of one control plane, by default the first."""
        server = f"https://{self.host(on or self.layout.master[0]).address}:{self.layout.api_port}"
        admin = ["--kubeconfig", str(self.kubeconfig), "--server", server, "--request-timeout", "20s"]
        done = subprocess.run(
            [str(self.program), *admin, *arguments], input=text, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def wait_until_api_servers_are_ready(self) -> None:
        """On a busy machine an API server may restart after the installation, and grants no rights at first."""
        for name in self.layout.master:
            wait_for(partial(self._is_ready, name), PATIENCE, f"a ready API server on {name}")

    def _is_ready(self, name: str) -> bool:
        try:
            return self.kubectl("get", "--raw", "/readyz", on=name).strip() == "ok"
        except AssertionError:
            return False

    def kubectl_json(self, *arguments: str, on: str = "") -> Any:
        """The output of `kubectl ... -o json`."""
        return json.loads(self.kubectl(*arguments, "-o", "json", on=on))

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig from the first control plane."""
        path = self.place / "admin.conf"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(self.lab.execute(self.layout.master[0], "cat /etc/kubernetes/admin.conf"))
        return path

    def ready_nodes(self, *, on: str = "") -> set[str]:
        """The nodes that are Ready."""
        return {
            item["metadata"]["name"]
            for item in self.kubectl_json("get", "nodes", on=on)["items"]
            if any(each["type"] == "Ready" and each["status"] == "True" for each in item["status"]["conditions"])
        }

    def etcdctl(self, arguments: str, *, on: str) -> str:
        """etcdctl on a member; it asks that member only, unless the arguments name others."""
        pki = f"/etc/ssl/etcd/ssl/admin-{on}"
        return self.lab.execute(
            on,
            f"ETCDCTL_API=3 /usr/local/bin/etcdctl --endpoints https://127.0.0.1:2379"
            f" --cacert /etc/ssl/etcd/ssl/ca.pem --cert {pki}.pem --key {pki}-key.pem {arguments}",
        )

    @contextmanager
    def client(
        self, kind: str, server: str, *, on: str = "", seconds: float = 600, patience: float = 2.0
    ) -> Iterator[Client]:
        """A client on a host of the lab, or here; a single request may take `patience` seconds."""
        name = f"{kind}-{time.monotonic_ns()}"
        output = self.place / f"{name}.jsonl"
        words = [sys.executable, "-m", "tests.ha.client", kind, server, str(seconds), str(patience)]
        if kind == "write":
            words += map(str, (name, *self._credentials()))
        if on:
            words = ["ip", "netns", "exec", self.lab.network.namespace(on), *words]
        with output.open("wb") as out:
            process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out)
        try:
            yield Client(process, output, name)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _credentials(self) -> tuple[Path, Path]:
        """The administrator's certificate and key as files."""
        user = yaml.safe_load(self.kubeconfig.read_text())["users"][0]["user"]
        paths = []
        for kind in ("certificate", "key"):
            path = self.place / f"admin-{kind}.pem"
            path.touch(mode=0o600)
            path.write_bytes(base64.b64decode(user[f"client-{kind}-data"]))
            paths.append(path)
        return paths[0], paths[1]


def install(lab: Lab, layout: Layout, bundle: Path, place: Path, *, fresh: bool = True) -> Installed:
    """The layout installed by `manage.py cluster create`; on fresh hosts, or on existing ones without `fresh`."""
    installed = prepare(lab, layout, bundle, place, fresh=fresh)
    installed.create()
    return installed


def prepare(lab: Lab, layout: Layout, bundle: Path, place: Path, *, fresh: bool = True) -> Installed:
    """Everything except the installation: hosts, a fresh Slipway, the document, and access to the cluster."""
    if fresh:
        lab.down()
    hosts = lab.up(layout.machines)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SLIPWAY_")}
    variables = {
        **ours,
        "DJANGO_SETTINGS_MODULE": "installer_site.settings",
        "SLIPWAY_DATA_DIR": str(place / "data"),
        "SLIPWAY_ARTIFACTS": str(bundle),
    }
    document = layout.write(hosts, place / f"{layout.name}.yaml")
    installed = Installed(lab, layout, hosts, document, place, variables, _kubectl(bundle, place))
    migrated = installed.manage("migrate", "-v0")
    assert migrated.returncode == 0, migrated.stderr
    return installed


def install_in_browser(
    lab: Lab, layout: Layout, template: str, bundle: Path, place: Path, browser: Browser
) -> Installed:
    """The same through the wizard: with the practice machines, the wizard's template and the layout's port."""
    lab.down()
    hosts = lab.up(layout.machines)
    names = [host.name for host in hosts]

    def write_port(page: Page) -> None:
        page.locator("[name=port]").fill(str(layout.port))

    with serving(place, artifacts=bundle, practice_file=lab.practice_file) as site:
        context = browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 900})
        context.set_default_timeout(20_000)
        walk = walking.Walk(context.new_page())
        walking.sign_in(walk.page, site)
        walking.through_the_wizard(walk, layout.name, names, walking.take_layout(template), write_port)
        run = walking.install(walk)
        state = walking.wait_until_over(walk, INSTALL_SECONDS)
        log = walk.page.request.get(f"/runs/{run}/log.txt").text()
        assert state == "succeeded", log[-4000:]
        (cluster,) = site.ask("SELECT cluster_id FROM clusters_run WHERE id = ?", run)[0]
        document = walking.document_with_secrets(walk, cluster, place)
        context.close()
    return Installed(lab, layout, hosts, document, place, site.variables, _kubectl(bundle, place), log)


def _kubectl(bundle: Path, place: Path) -> Path:
    """An executable kubectl; the bundle's files are not executable."""
    (kubectl,) = bundle.glob("kubernetes/*/bin/linux/amd64/kubectl")
    program = Path(shutil.copy(kubectl, place / "kubectl"))
    program.chmod(0o755)
    return program


def wait_until(true: Callable[[], object], seconds: float, what: str) -> float:
    """Wait until a condition is true; returns how long it took. A check that fails counts as not true yet."""
    began = time.monotonic()
    while True:
        try:
            if true():
                return time.monotonic() - began
        except (AssertionError, LabError, subprocess.TimeoutExpired) as error:
            last: object = error
        else:
            last = "the condition is false"
        assert time.monotonic() - began < seconds, f"gave up after {seconds:.0f} s of waiting for {what}: {last}"
        time.sleep(0.3)

"""The measurements of `bench_hostile`, in the process that it starts; prints the rows as JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "installer_site.settings")
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402 - Django has to be set up first
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from clusters.models import Cluster, Run  # noqa: E402
from tests.bench.pulse import health  # noqa: E402
from tests.bench.row import Row  # noqa: E402
from tests.conftest import SEED  # noqa: E402
from tests.processes import ROOT  # noqa: E402
from tests.security.test_foreign_yaml import POISON  # noqa: E402
from tests.security.test_request_limits import FORM, GIANT, PARTS, answer_to, head, peak_memory, pieces  # noqa: E402
from tests.web.lines import fill  # noqa: E402
from tests.web.site import Site, session_of, site  # noqa: E402
from tests.web.wire import Gone, WebSocket  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 60.0
ANSWER, MEMORY = 1.0, 400.0
"""The promised limits: seconds of the slowest answer of /healthz, and MB of the web process."""
LINES = 20_000
SLOW = (
    "(a+)+$",
    "(x|x)*y",
    r"^(\s*\w+\s*)*$",
    "(.*)(.*)(.*)(.*)Z",
    "(?V1)a",
    "(",
    "a" * 5000,
    "(a|aa)+$",
    "(?i)(a+b?)+c",
)
STATIC = "/static/bootstrap/css/bootstrap.min.css"
MB = 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """The web process, a session in it, and the pages to request."""

    pages: Site
    session: str
    run: int
    cluster: int


def bodies(scene: Scene) -> Iterator[None]:
    """Bodies of 300 MB: as forms and as parts of forms, in chunks and announced, with and without a session."""
    for kind, chunked, session in itertools.cycle(itertools.product((FORM, PARTS), (True, False), ("", scene.session))):
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {GIANT}"
        start = head("/accounts/login/", f"Content-Type: {kind}", length, session=session)
        answer_to(scene.pages.port, start, more=pieces(GIANT, chunked, kind))
        yield


def dribble(scene: Scene) -> Iterator[None]:
    """Connections that send a byte of a header from time to time, and never end."""
    held: list[socket.socket] = []
    try:
        while True:
            with contextlib.suppress(OSError):
                held.append(socket.create_connection(("127.0.0.1", scene.pages.port), timeout=5))
            for link in held[-300:]:
                with contextlib.suppress(OSError):
                    link.sendall(b"X")
            for link in held[:-300]:
                link.close()
            held = held[-300:]
            yield
            time.sleep(0.05)
    finally:
        for link in held:
            link.close()


def patterns(scene: Scene) -> Iterator[None]:
    """Searches in a log with expressions that never finish."""
    for pattern in itertools.cycle(SLOW):
        status_of(scene, "GET", f"/runs/{scene.run}/log/?" + urlencode({"regex": "yes", "search": pattern}))
        yield


def documents(scene: Scene) -> Iterator[None]:
    """YAML bombs in the editor, and a megabyte of unknown keys."""
    many = SEED + "".join(f"x{number}: [" + "{a: 1}, " * 20 + "]\n" for number in range(5000))
    for text in itertools.cycle([*POISON.values(), "[" * 100_000, "&a [*a]\n" * 1000, many]):
        body = urlencode({"page": "machines", "text": text}, errors="surrogatepass")
        status_of(scene, "POST", f"/clusters/{scene.cluster}/wizard/document/", body)
        yield


def guesses(scene: Scene) -> Iterator[None]:
    """Wrong passwords for existing and invented names, with a forged origin of the request."""
    for number in itertools.count():
        name = ("hostile", f"nobody{number}", "x" * 1000)[number % 3]
        body = urlencode({"username": name, "password": f"guess-{number}"})
        status_of(
            scene, "POST", "/accounts/login/", body, session="", origin=f"198.51.{number // 250 % 250}.{number % 250}"
        )
        yield


def sockets(scene: Scene) -> Iterator[None]:
    """Live sockets with and without a session, which request everything again and again and read nothing."""
    held: list[WebSocket] = []
    try:
        for session in itertools.cycle((scene.session, "", "x" * 32)):
            with contextlib.suppress(Gone, OSError):
                link = WebSocket(scene.pages.port, f"/ws/runs/{scene.run}/", session)
                held.append(link)
                for _ in range(20):
                    link.send(after=0)
                    link.send(after=-(10**30), got="x" * 1000)
            while len(held) > 20:
                held.pop(0).close()
            yield
            time.sleep(0.05)
    finally:
        for link in held:
            link.close()


def unread(scene: Scene) -> Iterator[None]:
    """Connections that request files, pages and downloads, many times each, and read none of the answers."""
    held: list[socket.socket] = []
    paths = (STATIC, "/accounts/login/", f"/runs/{scene.run}/events.jsonl", f"/runs/{scene.run}/log.txt")
    try:
        for path in itertools.cycle(paths):
            with contextlib.suppress(OSError):
                held.append(socket.create_connection(("127.0.0.1", scene.pages.port), timeout=5))
                held[-1].setblocking(False)
                held[-1].sendall(head(path, session=scene.session, method="GET") * 200)
            for link in held[:-40]:
                link.close()
            held = held[-40:]
            yield
            time.sleep(0.05)
    finally:
        for link in held:
            link.close()


KINDS: tuple[Callable[[Scene], Iterator[None]], ...] = (bodies, dribble, patterns, documents, guesses, sockets, unread)


def status_of(
    scene: Scene, method: str, path: str, body: str | None = None, *, session: str | None = None, origin: str = ""
) -> int:
    """The status of one request; 0 when the connection ended before an answer."""
    session = scene.session if session is None else session
    headers = {"Host": "localhost", "Cookie": f"sessionid={session}; csrftoken={'x' * 32}", "X-CSRFToken": "x" * 32}
    if body is not None:
        headers["Content-Type"] = FORM
    if origin:
        headers["X-Forwarded-For"] = origin
    link = http.client.HTTPConnection("127.0.0.1", scene.pages.port, timeout=60)
    try:
        link.request(method, path, body.encode("utf-8", "surrogatepass") if body is not None else None, headers)
        answer = link.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        link.close()


def attack(scene: Scene, seconds: float) -> tuple[list[float], Counter[str]]:
    """All kinds at the same time for so long: the seconds of each /healthz, and the number of requests of each kind."""
    over, done = threading.Event(), Counter[str]()

    def go_on(kind: Callable[[Scene], Iterator[None]]) -> None:
        # An attacker has a separate machine; here the attack gets the processor time that the web process leaves.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        with contextlib.closing(kind(scene)) as deeds:  # type: ignore[type-var]  # each kind is a generator function
            for _ in deeds:
                done[kind.__name__] += 1
                if over.is_set():
                    return

    threads = [threading.Thread(target=go_on, args=(kind,), name=kind.__name__, daemon=True) for kind in KINDS]
    for thread in threads:
        thread.start()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.pulse", str(scene.pages.port)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as pulse:
        time.sleep(seconds)
        ended = pulse.poll()
        pulse.terminate()
        output = pulse.communicate()[0]
    over.set()
    for thread in threads:
        thread.join(90)
    if ended is not None:
        raise AssertionError("/healthz did not answer once.")
    return [float(line) for line in output.splitlines()], done


def main() -> None:
    """Measure everything."""
    call_command("migrate", verbosity=0)
    owner = get_user_model().objects.create_superuser("hostile", password="a-minute-of-harm")
    cluster = Cluster.objects.create(owner=owner, name="hostile", document=SEED)
    over = {"state": "succeeded", "started_at": timezone.now(), "finished_at": timezone.now()}
    run = Run.objects.create(cluster=cluster, document=SEED, asked_by=owner, **over)
    fill(run, LINES, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa line %d!", "a needle", 5)
    with site() as pages:
        scene = Scene(pages, session_of(owner), run.pk, cluster.pk)
        before = min(health(pages.port) for _ in range(5))
        took, done = attack(scene, SECONDS)
        after = min(health(pages.port) for _ in range(5))
        memory = peak_memory(pages) / MB
    missing = [kind.__name__ for kind in KINDS if not done[kind.__name__]]
    if missing:
        raise AssertionError(f"Nothing hostile was done by: {', '.join(missing)}.")
    deeds = ", ".join(f"{count} {name}" for name, count in sorted(done.items()))
    middle = sorted(took)[len(took) // 2]
    rows = [
        Row("the slowest answer of /healthz during the attack", max(took), ANSWER, "s",
            f"of {len(took)}; half of them below {middle:.3f} s; {before:.3f} s before, {after:.3f} s after"),
        Row("memory of the web process, at most", memory, MEMORY, "MB", deeds),
    ]  # fmt: skip
    print(json.dumps([dataclasses.asdict(row) for row in rows]))


if __name__ == "__main__":
    main()

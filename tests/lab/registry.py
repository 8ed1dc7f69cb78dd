"""A real registry on the lab's bridge, with a login and the bundle's images: Debian's docker-registry."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import subprocess
import tarfile
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml

from tests.lab import packages
from tests.lab.commands import LabError, run
from tests.lab.recipe import Build, Product, digest_of, obtain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.lab import Lab

PORT = 5000
USER, PASSWORD = "robot", 'Te"st$ing 123'
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar"


def _make(build: Build) -> None:
    packages.unpack(
        ["docker-registry", "apache2-utils", "libaprutil1", "libapr1"], build.target, cache=build.cache, log=build.log
    )


REGISTRY = Product("registry", digest_of(packages.RELEASE, "docker-registry"), 5, _make)


@contextmanager
def running(lab: Lab, place: Path) -> Iterator[str]:
    """A registry that runs until the end of the block; returns its `host:port`. The lab must be up."""
    root = obtain(REGISTRY, lab.cache)
    libraries = {"LD_LIBRARY_PATH": str(root / "usr/lib/x86_64-linux-gnu")}
    words: list[str | Path] = [root / "usr/bin/htpasswd", "-Bbn", USER, PASSWORD]
    (place / "users").write_text(run(words, env=libraries))
    host = lab.network.gateway
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(place / "storage")}},
        "http": {"addr": f"{host}:{PORT}"},
        "auth": {"htpasswd": {"realm": "lab", "path": str(place / "users")}},
    }
    (place / "registry.yml").write_text(yaml.safe_dump(settings))
    with (place / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            [str(root / "usr/bin/docker-registry"), "serve", str(place / "registry.yml")], stdout=log, stderr=log
        )
    try:
        _wait(host)
        yield f"{host}:{PORT}"
    finally:
        process.kill()
        process.wait()


def _wait(host: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((host, PORT), timeout=1).close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise LabError(f"the registry does not answer on {host}:{PORT}") from error
            time.sleep(0.1)


def push(registry: str, repository: str, tag: str, archive: Path) -> None:
    """Push an image from an archive, as `docker save` writes it, into the registry."""
    with tarfile.open(archive) as opened:

        def read(name: str) -> bytes:
            member = opened.extractfile(name)
            if member is None:
                raise LabError(f"{archive} has no {name}")
            return member.read()

        (image,) = json.loads(read("manifest.json"))
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _blob(registry, repository, CONFIG, read(image["Config"])),
            "layers": [_blob(registry, repository, LAYER, read(layer)) for layer in image["Layers"]],
        }
    _ask("PUT", f"http://{registry}/v2/{repository}/manifests/{tag}", json.dumps(manifest).encode(), MANIFEST)


def _blob(registry: str, repository: str, kind: str, content: bytes) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    place = _ask("POST", f"http://{registry}/v2/{repository}/blobs/uploads/", b"")["Location"]
    _ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", content, "application/octet-stream")
    return {"mediaType": kind, "size": len(content), "digest": digest}


def _ask(method: str, url: str, content: bytes, kind: str = "") -> dict[str, str]:
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Content-Length": str(len(content))}
    request = urllib.request.Request(url, content, headers | ({"Content-Type": kind} if kind else {}), method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return dict(answer.headers)

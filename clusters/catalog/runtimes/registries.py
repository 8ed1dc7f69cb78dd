"""The document's registry settings, one Access for each registry, from which every runtime writes its own files."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clusters.catalog.images import DOCKER_HUB
from clusters.config.secret import Secret
from clusters.config.sections.registry import host_of_insecure
from clusters.engine.wants import command, directory, file
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.config.sections.registry import RegistryAuth
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

LOGINS = "/etc/slipway/registries/config.json"
"""Logins for runtimes that read them in docker's format."""

KUBELET_LOGINS = "/var/lib/kubelet/config.json"
"""Where the kubelet looks for logins, whatever the runtime. Source: Kubernetes' documentation, "Images"."""

HUB_HOST = "registry-1.docker.io"
HUB_LOGIN = "https://index.docker.io/v1/"
"""The name under which logins to Docker Hub are stored. Source: the configuration file of the docker command."""


@dataclass(frozen=True, slots=True)
class Access:
    """How one registry is reached.

    `plain` uses HTTP without TLS, `unverified` accepts any certificate. `ca`, `cert` and `key` are paths on the
    machines; a Secret as `key` is the private key itself. `mirrors` are URLs that are tried first.
    """

    host: str
    username: str = ""
    password: Secret | None = None
    plain: bool = False
    unverified: bool = False
    insecure: bool = False
    ca: str = ""
    cert: str = ""
    key: str | Secret = ""
    mirrors: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the registry is accepted without a trusted certificate."""
        return self.plain or self.unverified or self.insecure

    @property
    def has_files(self) -> bool:
        """Whether it has an authority or a client certificate."""
        return bool(self.ca or self.cert or self.key)

    @property
    def urls(self) -> tuple[str, ...]:
        """Its URLs, in the order to try: an insecure registry may have TLS or not."""
        host = HUB_HOST if self.host == DOCKER_HUB else self.host
        if self.plain:
            return (f"http://{host}",)
        return (f"https://{host}", f"http://{host}") if self.insecure else (f"https://{host}",)


def accesses(document: Document) -> dict[str, Access]:
    """Host -> how it is reached, for every registry that the document configures."""
    section = document.registry
    found: dict[str, Access] = {}

    def known(host: str) -> Access:
        return found.setdefault(host, Access(host))

    for mirror_of, mirrors in _mirrors(document).items():
        found[mirror_of] = replace(known(mirror_of), mirrors=mirrors)
    for name in section.insecure_registries:
        host = host_of_insecure(name)
        found[host] = replace(known(host), insecure=True)
    for name, auth in section.auths.items():
        host = name.partition("/")[0]
        found[host] = _with_auth(known(host), auth)
    if section.plain_http and section.private_registry:
        host = section.private_registry.partition("/")[0]
        found[host] = replace(known(host), plain=True)
    return found


def _mirrors(document: Document) -> dict[str, tuple[str, ...]]:
    """Registry -> URLs; registryMirrors are Docker Hub's, and come before its entries in remoteMirrors."""
    section = document.registry
    found = {name: mirror.endpoint for name, mirror in section.remote_mirrors.items()}
    if section.registry_mirrors:
        found[DOCKER_HUB] = tuple(dict.fromkeys((*section.registry_mirrors, *found.get(DOCKER_HUB, ()))))
    return {name: tuple(_url(each) for each in mirrors) for name, mirrors in found.items() if mirrors}


def _with_auth(access: Access, auth: RegistryAuth) -> Access:
    """The access with its login and files. certsPath is their directory; the authority's default name is ca.crt."""

    def below(name: str) -> str:
        return name if not name or name.startswith("/") else f"{auth.certs_path.rstrip('/')}/{name}"

    return replace(
        access,
        username=auth.username,
        password=auth.password,
        plain=access.plain or auth.plain_http,
        unverified=access.unverified or auth.skip_tls_verify,
        ca=below(auth.ca_file or ("ca.crt" if auth.certs_path else "")),
        cert=below(auth.cert_file),
        key=auth.key_file if isinstance(auth.key_file, Secret) else below(auth.key_file),
    )


def _url(mirror: str) -> str:
    return (mirror if "://" in mirror else f"https://{mirror}").rstrip("/")


def host_of(url: str) -> str:
    """`host:port` of a URL."""
    return url.partition("://")[2].partition("/")[0]


def path_of(url: str) -> str:
    """The path of a mirror's URL, without slashes at its ends."""
    return url.partition("://")[2].partition("/")[2].strip("/")


def has_api_root(url: str) -> bool:
    """Whether the path begins with the API's own /v2, as in `https://harbor/v2/cache` for a proxy project of Harbor."""
    return path_of(url).startswith("v2/")


def logins(document: Document) -> dict[str, tuple[str, Secret]]:
    """Host -> user and password, where both are given."""
    return {
        host: (access.username, access.password)
        for host, access in accesses(document).items()
        if access.username and access.password is not None
    }


def login_file(document: Document) -> Secret | None:
    """Logins in the format of docker, the kubelet and CRI-O; None when there are none.

    Source: the `auths` of docker's config.json.
    """
    auths = {}
    for host, (username, password) in logins(document).items():
        entry = {"auth": base64.b64encode(f"{username}:{password.reveal()}".encode()).decode()}
        auths[host] = entry
        if host == DOCKER_HUB:
            auths[HUB_LOGIN] = entry
    return Secret(json.dumps({"auths": auths}, indent=2) + "\n") if auths else None


def login_wants(machine: Machine, document: Document) -> Iterator[Want]:
    """The logins in files for root only: for the runtime, and for the kubelet, which requests the images of pods."""
    content = login_file(document)
    if content is None:
        return
    for entry in json.loads(content.reveal())["auths"].values():
        machine.keep_secret(Secret(entry["auth"]))
    yield directory(LOGINS.rpartition("/")[0], mode=0o700)
    yield file(LOGINS, content, mode=0o600)
    yield command("the kubelet has a directory", sh("mkdir -p /var/lib/kubelet"), unless=sh("test -d /var/lib/kubelet"))
    yield file(KUBELET_LOGINS, content, mode=0o600)


def certificate_wants(document: Document, folder: str) -> Iterator[Want]:
    """`folder/HOST/ca.crt`, `client.cert` and `client.key`, where docker and CRI-O look for them.

    Files that the document names by path are linked; a private key in the document itself is written, for root only.
    """
    for host, access in accesses(document).items():
        if not access.has_files:
            continue
        yield directory(f"{folder}/{host}")
        for name, source in (("ca.crt", access.ca), ("client.cert", access.cert), ("client.key", access.key)):
            path = f"{folder}/{host}/{name}"
            if isinstance(source, Secret):
                yield file(path, source, mode=0o600)
            elif source and source != path:
                yield command(
                    f"{path} leads to {source}",
                    sh("ln -sfn {} {}", source, path),
                    unless=sh('test "$(readlink {})" = {}', path, source),
                )

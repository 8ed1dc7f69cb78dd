"""An existing etcd and load balancer, on a host that is not one of the cluster's machines."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, Any

from clusters.catalog import pki

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.hosts import LabHost
    from tests.lab.lab import Lab

FOLDER = "/srv/etcd"


def out_of_the_bundle(bundle: Path, name: str, folder: Path) -> None:
    """One of etcd's programs, as an executable file."""
    with tarfile.open(next(bundle.glob("etcd/*/*.tar.gz"))) as archive:
        content = archive.extractfile(next(each for each in archive.getnames() if each.endswith(f"/{name}")))
        assert content is not None
        (folder / name).write_bytes(content.read())
    (folder / name).chmod(0o755)


def etcd(lab: Lab, host: LabHost, bundle: Path, place: Path) -> dict[str, Any]:
    """Starts an etcd that requires client certificates; returns the document's section for it."""
    authority = pki.make_authority("somebody-elses-etcd")
    server, client = pki.sign(authority, "server", [host.address]), pki.sign(authority, "client", ["client"])
    folder = place / "given"
    folder.mkdir()
    out_of_the_bundle(bundle, "etcd", folder)
    (folder / "ca.pem").write_bytes(authority.certificate)
    (folder / "server.pem").write_bytes(server.certificate)
    (folder / "server-key.pem").write_text(server.key.reveal())
    lab.send(host.name, folder, FOLDER)
    url = f"https://{host.address}:2379"
    lab.execute(
        host.name,
        f"systemd-run --unit given-etcd {FOLDER}/etcd --data-dir /var/lib/given-etcd --listen-client-urls {url}"
        f" --advertise-client-urls {url} --trusted-ca-file {FOLDER}/ca.pem --client-cert-auth"
        f" --cert-file {FOLDER}/server.pem --key-file {FOLDER}/server-key.pem",
    )
    certificates = {
        "caFile": authority.certificate.decode(),
        "certFile": client.certificate.decode(),
        "keyFile": client.key.reveal(),
    }
    return {"type": "external", "external": {"endpoints": [url], **certificates}}


def balancer(lab: Lab, host: LabHost, port: int, behind: LabHost) -> None:
    """Starts a load balancer with one API server behind it: systemd's own proxy."""
    lab.execute(
        host.name,
        f"systemd-run --unit given-balancer --socket-property ListenStream={host.address}:{port}"
        f" /lib/systemd/systemd-socket-proxyd {behind.address}:6443",
    )

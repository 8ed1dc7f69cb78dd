"""All images come from a private registry that wants a login, and from nowhere else."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
import yaml

from clusters.catalog.images import image_ref
from clusters.config.schema import Document
from clusters.config.sections.registry import Registry
from tests.ha import layouts
from tests.ha.installed import install
from tests.lab import registry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.lab import Lab

pytestmark = [pytest.mark.early, pytest.mark.lab, pytest.mark.timeout(900)]


LOGINS = ("/etc/slipway/registries/config.json", "/var/lib/kubelet/config.json")


@pytest.mark.parametrize(
    ("runtime", "files"), [("containerd", ("/etc/containerd/config.toml", *LOGINS)), ("docker", LOGINS)]
)
def test_machines_pull_with_a_login_that_no_log_shows(
    runtime: str, files: tuple[str, ...], lab: Lab, lab_bundle: Path, tmp_path: Path
) -> None:
    lab.down()
    lab.up(1)
    with registry.running(lab, tmp_path) as place:
        layout = layouts.private_registry(place, registry.USER, registry.PASSWORD, runtime)
        document = Document(registry=Registry.model_validate(layout.registry))
        for image in yaml.safe_load((lab_bundle / "bundle.yaml").read_text())["images"]:
            repository, _, tag = image_ref(document, image["ref"]).removeprefix(f"{place}/").rpartition(":")
            registry.push(place, repository, tag, lab_bundle / image["path"])
        cluster = install(lab, layout, lab_bundle, tmp_path, fresh=False)
        assert cluster.ready_nodes() == {"node1"}
        running = {
            container["image"]
            for pod in cluster.seen("get", "pods", "-A")["items"]
            for container in pod["spec"]["containers"]
        }
        assert all(image.startswith(f"{place}/") for image in running) and len(running) >= 5, running
        assert "nothing changed" in cluster.create()
    for path in files:
        assert stat.filemode(0o100000 | int(lab.execute("node1", f"stat -c %a {path}"), 8)) == "-rw-------", path
    kept = (tmp_path / "data").rglob("*")
    assert not [path for path in kept if path.is_file() and registry.PASSWORD.encode() in path.read_bytes()]

"""One machine that is everything."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.steps.images.load import wanted_images
from clusters.config.load import load
from tests.ha import changes, layouts
from tests.ha.application import IMAGE, send_images
from tests.ha.installed import install, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.ha.installed import Installed
    from tests.lab.lab import Lab

DELETED_SOON = {"imageMinimumGCAge": "1s", "imageGCHighThresholdPercent": 95, "imageGCLowThresholdPercent": 90}
FULL_DISK = {"evictionHard": {"imagefs.available": "99%", "nodefs.available": "1%"}}
"""A disk that is 1 % full counts as full: kubelet deletes the images that nobody uses, as it does at 85 % elsewhere."""

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def test_all_in_one_installs_runs_pods_and_a_second_run_changes_nothing(
    lab: Lab, lab_bundle: Path, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    cluster = install(lab, layouts.ALL_IN_ONE, lab_bundle, tmp_path)
    assert cluster.ready_nodes() == {"node1"}
    assert "nothing changed" in cluster.create()
    lab.kill("node1")
    lab.start("node1")
    took = wait_until(lambda: cluster.ready_nodes() == {"node1"}, 180, "the only node to be back after a power cut")
    figure(f"back {took:.0f} s after it was switched on")


def test_images_of_a_bundle_outlive_a_disk_that_counts_as_full(
    lab: Lab, lab_bundle: Path, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    layout = replace(layouts.ALL_IN_ONE, kubernetes_section={"kubeletConfiguration": DELETED_SOON})
    cluster = install(lab, layout, lab_bundle, tmp_path)
    (tmp_path / "image").mkdir()
    send_images(cluster, ("node1",), lab_bundle, tmp_path / "image")
    assert IMAGE in images(cluster)
    cluster.change(lambda spec: spec["kubernetes"]["kubeletConfiguration"].update(FULL_DISK))
    cluster.create()
    kubelet = changes.kubelet_configuration(cluster, "node1")
    wanted = DELETED_SOON | FULL_DISK
    assert {name: kubelet[name] for name in wanted} == wanted
    took = wait_until(lambda: IMAGE not in images(cluster), 120, "the image that nobody uses to be deleted")
    figure(f"an image that nobody used was deleted {took:.0f} s after the run")
    document = load(cluster.document.read_text()).document
    assert document is not None
    assert set(wanted_images(document, control_plane=True)) <= images(cluster)
    assert "nothing changed" in cluster.create()


def images(cluster: Installed) -> set[str]:
    """The names of the images on the only node."""
    listed = json.loads(cluster.lab.execute("node1", "crictl images -o json"))["images"]
    return {name for image in listed for name in image["repoTags"]}

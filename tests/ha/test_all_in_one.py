"""One machine with all roles."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.steps.images.load import wanted_images
from clusters.config.load import load
from tests.ha import changes, layouts
from tests.ha.application import IMAGE, send_images
from tests.ha.installed import install, prepare, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.ha.installed import Installed
    from tests.lab.lab import Lab

RESOLV_CONF = "/etc/resolv.conf"
DELETED_SOON = {"imageMinimumGCAge": "1s", "imageGCHighThresholdPercent": 95, "imageGCLowThresholdPercent": 90}
FULL_DISK = {"evictionHard": {"imagefs.available": "99%", "nodefs.available": "1%"}}
"""A disk that is 1 % full counts as full: kubelet deletes unused images, as it normally does at 85 %."""

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def test_all_in_one_installs_runs_pods_and_a_second_run_changes_nothing(
    lab: Lab, lab_bundle: Path, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    cluster = prepare(lab, layouts.ALL_IN_ONE, lab_bundle, tmp_path)
    see_that_resolvers_of_no_use_are_refused(cluster)
    cluster.create()
    assert cluster.ready_nodes() == {"node1"}
    assert "nothing changed" in cluster.create()
    see_that_kube_proxy_takes_the_mode(cluster, "iptables")
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
    document = load(cluster.document.read_text()).document
    assert document is not None
    wanted = set(wanted_images(document, control_plane=True))
    for pinned in (pinned_by_containerd(cluster), pinned_for_kubelet(cluster)):
        assert wanted <= pinned and IMAGE not in pinned
    cluster.change(lambda spec: spec["kubernetes"]["kubeletConfiguration"].update(FULL_DISK))
    cluster.create()
    kubelet = changes.kubelet_configuration(cluster, "node1")
    settings = DELETED_SOON | FULL_DISK
    assert {name: kubelet[name] for name in settings} == settings
    took = wait_until(lambda: IMAGE not in images(cluster), 120, "the image that nobody uses to be deleted")
    figure(f"an image that nobody used was deleted {took:.0f} s after the run")
    assert wanted <= images(cluster)
    assert "nothing changed" in cluster.create()


def see_that_resolvers_of_no_use_are_refused(cluster: Installed) -> None:
    """A machine without a name server, and one that uses itself, are reported before anything is installed; at the end
    the machine has its own file again."""
    keep, give_back = "cp --preserve=all {0} {0}.kept", "cat {0}.kept > {0} && rm {0}.kept"
    cluster.lab.execute("node1", keep.format(RESOLV_CONF))
    try:
        for content, sentence in (
            (
                "search example.com",
                "/etc/resolv.conf on node1 names no name server; CoreDNS does not start without one",
            ),
            ("nameserver 127.0.0.1", "/etc/resolv.conf on node1 names only 127.0.0.1: inside its pod CoreDNS"),
        ):
            cluster.lab.execute("node1", f"echo {content} > {RESOLV_CONF}")
            done = cluster.manage("cluster", "create", "-f", str(cluster.document), "--accept-host-keys", "--yes")
            assert done.returncode != 0 and sentence in " ".join((done.stdout + done.stderr).split()), done.stdout
            assert cluster.lab.execute("node1", "ls -d /etc/kubernetes 2>/dev/null || true") == ""
    finally:
        cluster.lab.execute("node1", give_back.format(RESOLV_CONF))


def see_that_kube_proxy_takes_the_mode(cluster: Installed, mode: str) -> None:
    """kube-proxy itself reports the document's current mode, and services answer."""
    assert cluster.lab.execute("node1", "curl -sf http://127.0.0.1:10249/proxyMode") != mode
    cluster.change(lambda spec: spec["kubernetes"].update(proxyMode=mode))
    cluster.create()
    assert cluster.lab.execute("node1", "curl -sf http://127.0.0.1:10249/proxyMode") == mode
    assert cluster.lab.execute("node1", "curl -skf --max-time 20 https://10.233.0.1/readyz") == "ok"
    assert "nothing changed" in cluster.create()


def images(cluster: Installed) -> set[str]:
    """The names of the images on the only node."""
    return {name for image in _listed(cluster) for name in image["repoTags"]}


def pinned_for_kubelet(cluster: Installed) -> set[str]:
    """Those that kubelet must not delete."""
    return {name for image in _listed(cluster) if image.get("pinned") for name in image["repoTags"]}


def pinned_by_containerd(cluster: Installed) -> set[str]:
    """Those that have the label in containerd's own store."""
    mark = 'labels."io.cri-containerd.pinned"==pinned'
    return set(cluster.lab.execute("node1", f"ctr -n k8s.io images ls -q '{mark}'").split())


def _listed(cluster: Installed) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cluster.lab.execute("node1", "crictl images -o json"))["images"]
    return found

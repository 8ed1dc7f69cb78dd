"""The files of Docker Engine and cri-dockerd.

Neither project publishes checksums, so they are pinned: docker's are those of KubeKey 3.1 (version/components.json),
cri-dockerd's those of kubespray (checksums.yml). None was compared with a download here.
"""

from __future__ import annotations

from clusters.catalog.components import GITHUB, Component
from clusters.config.kubernetes_versions import CRI_DOCKERD, DOCKER

ENGINE = Component(
    "docker",
    lambda facts: f"v{DOCKER}",
    "https://download.docker.com/linux/static/stable/{machine}",
    "docker/{version}/linux/static/stable/{machine}",
    ("docker-{plain}.tgz",),
    pins={
        "v24.0.9/amd64/docker-24.0.9.tgz": "692ecfc28333485d184f628b74c25b2894cee9495a51a5418ba60ef95bf733ca",
        "v24.0.9/arm64/docker-24.0.9.tgz": "7e999590330a15469de20ac37051407d222ea73c71c10c05d61666d42c5922d1",
    },
)

SHIM = Component(
    "cri-dockerd",
    lambda facts: f"v{CRI_DOCKERD}",
    GITHUB.format("Mirantis/cri-dockerd"),
    "cri-dockerd/{version}",
    ("cri-dockerd-{plain}.{arch}.tgz",),
    pins={
        "v0.3.21/cri-dockerd-0.3.21.amd64.tgz": "6c35838bc4b1aef74f9113670e114ca729a5f295f9457b226791e18e86e91698",
        "v0.3.21/cri-dockerd-0.3.21.arm64.tgz": "35de6b1e8eba11d8ba6d71fa7499cb3d610a1e7b866c9d43b7f87029e3a769cd",
    },
)

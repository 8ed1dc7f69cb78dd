"""The SHA-256 of archives whose projects publish none beside the file.

Sources: Docker: KubeKey 3.1's table; cri-dockerd: kubespray's. Those of a network plugin's files are in its own folder.
"""

from __future__ import annotations

PINS: dict[str, dict[str, str]] = {
    "docker": {
        "v24.0.9/amd64/docker-24.0.9.tgz": "692ecfc28333485d184f628b74c25b2894cee9495a51a5418ba60ef95bf733ca",
        "v24.0.9/arm64/docker-24.0.9.tgz": "7e999590330a15469de20ac37051407d222ea73c71c10c05d61666d42c5922d1",
    },
    "cri-dockerd": {
        "v0.3.21/cri-dockerd-0.3.21.amd64.tgz": "6c35838bc4b1aef74f9113670e114ca729a5f295f9457b226791e18e86e91698",
        "v0.3.21/cri-dockerd-0.3.21.arm64.tgz": "35de6b1e8eba11d8ba6d71fa7499cb3d610a1e7b866c9d43b7f87029e3a769cd",
    },
}
"""Component -> `version/file` -> SHA-256."""

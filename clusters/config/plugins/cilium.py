"""The network plugin "cilium": its releases. Its options are values of its chart, which no rule checks.

For Kubernetes 1.20 to 1.22: the chart of 1.14 requires `kubeVersion: >= 1.16.0-0`.
"""

from __future__ import annotations

from typing import Any

from clusters.config.plugins import KUBEKEY_1, KUBEKEY_3, KUBEKEY_4, NetworkPlugin, Release

PLUGIN = NetworkPlugin(
    "cilium",
    "Cilium",
    30,
    section=dict[str, Any],
    releases=(
        Release("v1.14.19", 20, 27),
        Release("v1.15.19", 28, 29),
        Release("v1.17.18", 30, 32),
        Release("v1.19.6", 33, 34),
        Release("v1.20.0", 35, 37),
    ),
    dialects=(KUBEKEY_1, KUBEKEY_3, KUBEKEY_4),
    series={
        "1.14": (23, 27),
        "1.15": (23, 29),
        "1.16": (23, 30),
        "1.17": (23, 32),
        "1.18": (23, 33),
        "1.19": (23, 34),
        "1.20": (33, 37),
    },
    modules=("vxlan", "geneve", "wireguard"),
    replaces_kube_proxy=True,
)

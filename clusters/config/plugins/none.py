"""The network plugin "none": the user installs a plugin."""

from __future__ import annotations

from clusters.config.plugins import KUBEKEY_1, KUBEKEY_3, KUBEKEY_4, NetworkPlugin

PLUGIN = NetworkPlugin(
    "none", "none (install one yourself)", 70, dialects=(KUBEKEY_1, KUBEKEY_3, KUBEKEY_4), installed=False
)

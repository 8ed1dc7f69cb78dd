"""The recipe that installs: from bare machines to a running cluster."""

from __future__ import annotations

from clusters.engine.recipe import DEFAULT, Phase, recipe

CREATE = recipe(
    DEFAULT,
    "Install cluster",
    Phase("precheck", "Prechecks"),
    Phase("before", "Before"),
    Phase("os", "Operating system"),
    Phase("runtime", "Container runtime"),
    Phase("images", "Images"),
    Phase("etcd", "etcd"),
    Phase("kubernetes", "Kubernetes"),
    Phase("endpoint", "Endpoint"),
    Phase("network", "Network"),
    Phase("finish", "Finish"),
    Phase("after", "After"),
    summary="Create the cluster, or continue its installation.",
    makes_ready=True,
    states=("draft", "failed", "ready"),
    heading="Install {name}",
    confirm="Install Kubernetes {version} on {machines}?",
    done="{name} is installed",
)

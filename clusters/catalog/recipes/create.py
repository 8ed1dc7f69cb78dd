"""The recipe "create": from bare machines to a cluster that answers."""

from __future__ import annotations

from clusters.engine.recipe import recipe

CREATE = recipe(
    "create",
    "Install cluster",
    "precheck",
    "before",
    "os",
    "runtime",
    "images",
    "etcd",
    "kubernetes",
    "endpoint",
    "network",
    "finish",
    "after",
)

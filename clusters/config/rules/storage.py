"""Each storage provisioner's rules on its options."""

from __future__ import annotations

from clusters.config.rules.registry import rule
from clusters.config.storage import provisioners

for _provisioner in provisioners():
    for _rule in _provisioner.rules:
        rule(_rule)

"""The lab: real Debian machines and a real Kubernetes, made on this machine from Debian's packages and Go modules."""

from __future__ import annotations

from tests.lab.commands import LabError
from tests.lab.hosts import LabHost
from tests.lab.lab import Lab

__all__ = ["Lab", "LabError", "LabHost"]

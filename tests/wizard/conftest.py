"""Fixtures: Alice as a visitor of the wizard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.wizard.visitor import Visitor

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from clusters.models import Cluster


@pytest.fixture
def visitor(client: Client, alice: User, cluster: Cluster) -> Visitor:
    """Alice, logged in, with her draft of three machines."""
    client.force_login(alice)
    return Visitor(client, cluster)

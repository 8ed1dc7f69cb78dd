"""A test that commits leaves the database as the migrations made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection

from clusters.models import append_only

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("time", ["before", "after"])
def test_what_another_test_committed_is_gone_and_triggers_are_back(time: str, django_user_model: type[User]) -> None:
    assert not django_user_model.objects.exists()
    assert append_only.missing_from(connection) == []
    assert Group.objects.exists() and Permission.objects.exists()
    django_user_model.objects.create_user(time)
    append_only.remove(connection)
    Group.objects.all().delete()

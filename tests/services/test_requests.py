"""Who is signed in, for pages whose requests Django types."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory

from clusters.services.requests import user_in


def test_a_request_has_its_user() -> None:
    request = RequestFactory().get("/")
    request.user = User(username="ada")
    assert user_in(request) is request.user


def test_nobody_is_not_a_user() -> None:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    with pytest.raises(PermissionDenied):
        user_in(request)

"""An administrator manages the clusters of a deactivated user, without giving their documents more rights."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from clusters import services
from clusters.models import Credential, Run
from clusters.selectors import usable_names
from tests.security.test_credentials import PASSWORD, REFUSED, SEEN, Scene, scene, try_login

if TYPE_CHECKING:
    from django.contrib.auth.models import User

__all__ = ["scene"]

pytestmark = pytest.mark.django_db(transaction=True)


def deactivate(scene: Scene, user: User, *, superuser: bool = False) -> None:
    """The owner of the cluster, who may have been an administrator, leaves."""
    user.is_active, user.is_superuser = False, superuser
    user.save()
    scene.cluster.refresh_from_db()


@pytest.mark.parametrize("own", [True, False])
def test_an_administrator_uses_what_the_owner_had(scene: Scene, alice: User, admin: User, own: bool) -> None:
    if own:
        Credential.objects.update(owner=alice)
    else:
        scene.share(alice)
    deactivate(scene, alice)
    assert try_login(scene, admin) == {}
    assert scene.carry_out(scene.queue(admin)).state == "succeeded"
    assert SEEN[0] == (PASSWORD, "deploy")
    assert usable_names(admin, alice) == ["prod"] and usable_names(alice, alice) == []


def test_the_document_of_a_former_administrator_gets_no_credential_of_others(
    scene: Scene, alice: User, admin: User
) -> None:
    """An administrator's documents may name every credential; a deactivated one's only those that were theirs."""
    deactivate(scene, alice, superuser=True)
    with pytest.raises(services.RunRefused, match=r"The credential prod cannot be used\."):
        scene.queue(admin)
    assert try_login(scene, admin)["message"] == REFUSED
    assert usable_names(admin, alice) == [] and SEEN == []


def test_a_run_that_waits_does_not_begin_once_the_former_administrator_left(
    scene: Scene, alice: User, admin: User
) -> None:
    alice.is_superuser = True
    alice.save()
    scene.cluster.refresh_from_db()
    run = scene.queue(admin)
    deactivate(scene, alice, superuser=True)
    done = scene.carry_out(run)
    assert (done.state, done.message) == ("failed", REFUSED) and SEEN == []


def test_a_run_that_is_half_done_goes_on_though_its_owner_was_deactivated(
    scene: Scene, alice: User, admin: User
) -> None:
    alice.is_superuser = True
    alice.save()
    scene.cluster.refresh_from_db()
    run = scene.queue(admin)
    past = timezone.now() - timedelta(seconds=1)
    Run.objects.filter(pk=run.pk).update(state="running", worker="dead", started_at=past, lease_until=past)
    deactivate(scene, alice, superuser=True)
    assert scene.carry_out(run).state == "succeeded"
    assert SEEN[0] == (PASSWORD, "deploy")

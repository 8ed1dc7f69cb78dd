"""Credential: a login with a name, an owner, and the users who may use it without being able to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from clusters.models.fields import EncryptedTextField

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class CredentialQuerySet(models.QuerySet["Credential"]):
    """Credentials by the rights of a user."""

    def granted_to(self, user: User | None) -> CredentialQuerySet:
        """Credentials that the user owns or shares, all for an administrator; none without a user."""
        if getattr(user, "is_superuser", False):
            return self.all()
        return self.in_the_name_of(user)

    def in_the_name_of(self, user: User | None) -> CredentialQuerySet:
        """Credentials that the user owns or shares, without the rights of an administrator."""
        if user is None or user.pk is None:
            return self.none()
        shares = Credential.users.through.objects.filter(user_id=user.pk)
        return self.filter(Q(owner_id=user.pk) | Q(pk__in=shares.values("credential_id")))

    def of_clusters_of(self, owner: User | None) -> CredentialQuerySet:
        """Credentials that documents of this owner may name. Administrator rights end when the account is deactivated;
        the others stay, so that the clusters of a user who left can be maintained."""
        return self.granted_to(owner) if owner is not None and owner.is_active else self.in_the_name_of(owner)

    def usable_by(self, user: User | None) -> CredentialQuerySet:
        """Credentials that the user may use now; none once the account is deactivated."""
        return self.granted_to(user) if user is not None and user.is_active else self.none()

    def usable_for(self, owner: User | None, user: User | None, *, is_started: bool = False) -> CredentialQuerySet:
        """Credentials that both the owner of a cluster and the user may use for its machines; for work that
        `is_started`, their accounts need not be active."""
        if is_started:
            return self.granted_to(user) & self.granted_to(owner)
        return self.usable_by(user) & self.of_clusters_of(owner)

    def administered_by(self, user: User | None) -> CredentialQuerySet:
        """Credentials that the user may change, share and remove: their own, or all for an administrator."""
        if user is None or not user.is_active:
            return self.none()
        return self.all() if getattr(user, "is_superuser", False) else self.filter(owner_id=user.pk)


class Credential(models.Model):
    """A login for machines; documents refer to it by name. `version` counts the changes of its values.

    `login` is the user on the machine, empty for the one in the document. `networks` are the only addresses and
    networks (in CIDR notation, separated by commas) for which it is used; empty for all.
    """

    name = models.CharField(max_length=63, unique=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="credentials"
    )
    users = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="shared_credentials")
    login = models.CharField(max_length=128, blank=True)
    password = EncryptedTextField(blank=True)
    private_key = EncryptedTextField(blank=True)
    passphrase = EncryptedTextField(blank=True)
    agent_key = models.CharField(max_length=253, blank=True)
    networks = models.CharField(max_length=1000, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now_add=True)

    objects = CredentialQuerySet.as_manager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

"""Credential: a login with a name, an owner, and the people who may use it without being able to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from clusters.models.fields import EncryptedTextField

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


class CredentialQuerySet(models.QuerySet["Credential"]):
    """Credentials by what a person may do with them."""

    def granted_to(self, user: AbstractBaseUser | None) -> CredentialQuerySet:
        """Those that are this person's own or shared with them, all for an administrator; none for nobody."""
        if getattr(user, "is_superuser", False):
            return self.all()
        return self.in_the_name_of(user)

    def in_the_name_of(self, user: AbstractBaseUser | None) -> CredentialQuerySet:
        """Those that are this person's own or shared with them, whatever else they may do as an administrator."""
        if user is None or user.pk is None:
            return self.none()
        shares = Credential.users.through.objects.filter(user_id=user.pk)
        return self.filter(Q(owner_id=user.pk) | Q(pk__in=shares.values("credential_id")))

    def of_clusters_of(self, owner: AbstractBaseUser | None) -> CredentialQuerySet:
        """Those that documents of this owner may name. The rights of an administrator end with the account; the rest
        stays, so that others can look after the clusters of somebody who left."""
        return self.granted_to(owner) if owner is not None and owner.is_active else self.in_the_name_of(owner)

    def usable_by(self, user: AbstractBaseUser | None) -> CredentialQuerySet:
        """Those that this person may use now: what was granted, and nothing once the account is deactivated."""
        return self.granted_to(user) if user is not None and user.is_active else self.none()

    def usable_for(
        self, owner: AbstractBaseUser | None, user: AbstractBaseUser | None, *, begun: bool = False
    ) -> CredentialQuerySet:
        """Those for machines of this owner's clusters that the owner and the user may use; `begun` work asks no more
        whether one of them is active."""
        if begun:
            return self.granted_to(user) & self.granted_to(owner)
        return self.usable_by(user) & self.of_clusters_of(owner)

    def administered_by(self, user: AbstractBaseUser | None) -> CredentialQuerySet:
        """Those that this person may change, share and remove: their own, or all for an administrator."""
        if user is None or not user.is_active:
            return self.none()
        return self.all() if getattr(user, "is_superuser", False) else self.filter(owner_id=user.pk)


class Credential(models.Model):
    """A login for machines; documents name it. `version` counts the changes of what it logs in with.

    `login` is the user on the machine, empty for the one in the document. `networks` are addresses and networks in
    CIDR notation, separated by commas, for which alone it is used; empty for all.
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

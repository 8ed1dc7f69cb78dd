"""Audit entries for all changes of accounts and groups, wherever they are made: Django's signals report them.

An entry is written before the change. So a change outside of a transaction, such as by `manage.py changepassword`, is
not made when its entry cannot be written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models.signals import m2m_changed, pre_delete, pre_save
from django.dispatch import receiver
from django.utils.translation import gettext as _

from clusters.services.accounts import AccountRefused
from clusters.services.audit import audited

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from django.db.models import QuerySet

User = get_user_model()
RIGHTS = ("is_superuser", "is_staff")
WATCHED = frozenset({"username", "password", "is_active", *RIGHTS})


@receiver(pre_save, sender=User)
def account_saved(sender: Any, instance: Any, update_fields: Collection[str] | None = None, **kwargs: Any) -> None:
    """A new account, or the changes of an existing one."""
    rights = {name: getattr(instance, name) for name in RIGHTS}
    if instance._state.adding:
        audited(None, "account.create", instance.get_username(), is_active=instance.is_active, **rights)
        return
    saved = WATCHED if update_fields is None else WATCHED.intersection(update_fields)
    before = _lock_rows(User).filter(pk=instance.pk).values(*saved).first() if saved else None
    changed = {name for name in saved if before is not None and before[name] != getattr(instance, name)}
    for deed, details in _deeds(instance, before or {}, changed):
        audited(None, deed, instance.get_username(), account=instance.pk, **details)


def _deeds(user: Any, before: dict[str, Any], changed: set[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    if "username" in changed:
        yield "account.rename", {"before": before["username"]}
    if "password" in changed:
        # At a login Django rehashes a correct password if the hasher's settings changed: the password stays the same.
        fresh = user._password is not None or not user.has_usable_password()
        yield ("account.password" if fresh else "account.rehash"), {}
    if "is_active" in changed:
        yield ("account.activate" if user.is_active else "account.deactivate"), {}
    if rights := {name: getattr(user, name) for name in RIGHTS if name in changed}:
        yield "account.rights", rights


@receiver(pre_delete, sender=User)
def account_deleted(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Refused: clusters, runs and acknowledgements of the account would lose their user."""
    raise AccountRefused(
        _("The account %(name)s cannot be deleted.") % {"name": instance.get_username()},
        hint=_("Deactivate it: then nobody can log in with it, and its past actions keep their author."),
    )


@receiver(pre_save, sender=Group)
def group_saved(sender: Any, instance: Group, **kwargs: Any) -> None:
    """A new group, or a new name of an existing one."""
    before = None if instance._state.adding else _lock_rows(Group).filter(pk=instance.pk).first()
    if before is None:
        audited(None, "group.create", instance.name)
    elif before.name != instance.name:
        audited(None, "group.rename", instance.name, group=instance.pk, before=before.name)


@receiver(pre_delete, sender=Group)
def group_deleted(sender: Any, instance: Group, **kwargs: Any) -> None:
    """Its members lose its permissions. If several users delete it at the same moment, the first one is audited."""
    if not _lock_rows(Group).filter(pk=instance.pk).exists():
        return
    members = User._default_manager.filter(groups=instance).values_list(User.USERNAME_FIELD, flat=True)
    audited(None, "group.delete", instance.name, group=instance.pk, members=sorted(members))


@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def rights_changed(sender: Any, instance: Any, action: str, **kwargs: Any) -> None:
    """Groups and permissions added or removed, from either side of the relation."""
    change = {"post_add": "added", "post_remove": "removed", "pre_clear": "removed"}.get(action)
    if change is None:
        return
    others = _others(sender, instance, kwargs["model"], kwargs["pk_set"], reverse=kwargs["reverse"])
    holders, given = (others, [instance]) if kwargs["reverse"] else ([instance], others)
    names = [str(each) for each in given]
    for holder in holders if names else ():
        kind = "group" if isinstance(holder, Group) else "account"
        audited(None, f"{kind}.rights", holder, **{kind: holder.pk, change: names})


def _lock_rows(model: Any) -> QuerySet[Any]:
    """The current rows, locked against other changes until the transaction ends."""
    rows: QuerySet[Any] = model._default_manager.all()
    return rows.select_for_update() if connection.in_atomic_block else rows


def _others(through: Any, instance: Any, model: Any, pks: set[Any] | None, *, reverse: bool) -> list[Any]:
    """The objects added to or removed from the instance: those in `pks`, or without a set all."""
    if pks is None:
        fields = [field for field in through._meta.fields if field.remote_field is not None]
        mine = next(field for field in fields if isinstance(instance, field.related_model))
        other = next(field for field in fields if field is not mine)
        pks = set(through._default_manager.filter(**{mine.name: instance}).values_list(other.attname, flat=True))
    return list(model._default_manager.filter(pk__in=pks).order_by("pk"))

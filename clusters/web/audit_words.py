"""The labels of audit actions on the audit page; an action without a label is shown by its code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

ACTIONS: Final[dict[str, _StrPromise]] = {
    "account.activate": _("Account activated"),
    "account.create": _("Account created"),
    "account.deactivate": _("Account deactivated"),
    "account.first": _("First administrator created"),
    "account.one_time": _("One-time password created"),
    "account.password": _("Password changed"),
    "account.rehash": _("Password hashed again"),
    "account.rename": _("Account renamed"),
    "account.rights": _("Rights changed"),
    "audit.download": _("Audit downloaded"),
    "audit.forward": _("Forwarding retried"),
    "cluster.open": _("Another user's cluster opened"),
    "config.export": _("Document downloaded"),
    "credential.change": _("Credential changed"),
    "credential.create": _("Credential created"),
    "credential.delete": _("Credential removed"),
    "credential.open": _("Another user's credential opened"),
    "credential.share": _("Credential shared"),
    "draft.copy": _("Cluster copied"),
    "draft.create": _("Cluster created"),
    "draft.delete": _("Cluster deleted"),
    "draft.update": _("Document saved"),
    "group.create": _("Group created"),
    "group.delete": _("Group deleted"),
    "group.rename": _("Group renamed"),
    "group.rights": _("Rights of a group changed"),
    "hostkey.accept": _("Host key accepted"),
    "inspection.start": _("Prechecks started"),
    "keys.rotate": _("Encryption keys rotated"),
    "kubeconfig.export": _("Kubeconfig downloaded"),
    "login": _("Login"),
    "login.lockout": _("Locked out"),
    "logout": _("Logout"),
    "logs.delete": _("Old logs deleted"),
    "notices.test": _("Test notification sent"),
    "password.check": _("Password confirmed"),
    "password.lifted": _("Password limit lifted"),
    "password.limited": _("Too many wrong passwords"),
    "probe.start": _("Connections tested"),
    "run.bundle": _("Support bundle downloaded"),
    "run.cancel": _("Run cancelled"),
    "run.events": _("Events downloaded"),
    "run.log": _("Log downloaded"),
    "run.preview": _("Preview started"),
    "run.retry": _("Run retried"),
    "run.start": _("Run started"),
    "run.wait_longer": _("Step given more time"),
    "run.waive": _("Precheck waived"),
    "scan.cancel": _("Scan cancelled"),
    "scan.start": _("Network scanned"),
    "session.end": _("Sessions ended"),
    "text.acknowledge": _("Text that runs as root acknowledged"),
    "waiver.give": _("Finding waived or acknowledged"),
    "waiver.take_back": _("Waiver or acknowledgement withdrawn"),
}


def words_for(deed: str) -> str:
    """The label of an action."""
    return str(ACTIONS.get(deed, deed))

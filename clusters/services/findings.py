"""Findings of a stored document: those of the rules, and on this server's key files and credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.document_masks.findings import without_secrets_in
from clusters.config.finding import error
from clusters.config.logins import WHERE_KK_RAN, credential_names, logins_of, needs_key_file
from clusters.config.rules import check
from clusters.errors import RemoteError
from clusters.models import Credential
from clusters.remote.target import credential_refused
from clusters.runs.access.key_files import OfferedKeys

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.models import Cluster


def findings_of(
    cluster: Cluster, document: Document, waivers: Collection[str] = (), *, at_terminal: bool = False
) -> tuple[Finding, ...]:
    """All findings of a document of this cluster; `at_terminal`: see `login_findings`."""
    return (*check(document, waivers), *login_findings(cluster, document, at_terminal=at_terminal))


def login_findings(cluster: Cluster, document: Document, *, at_terminal: bool = False) -> tuple[Finding, ...]:
    """Key files that a run would not open, and credentials that the cluster's owner may not use; both block.

    Whether the user who starts a run may use a credential is checked then. `at_terminal`: a command is running that
    reads the key files of its user.
    """
    files = () if at_terminal else _key_files(document)
    return without_secrets_in((*files, *_credentials(cluster, document)), document)


def _key_files(document: Document) -> Iterator[Finding]:
    offered, usable = OfferedKeys(), dict[str, bool]()
    for path, login, name in logins_of(document):
        file = login.private_key_path
        if not needs_key_file(login):
            continue
        if file not in usable:
            usable[file] = _can_be_read(offered, file)
        if not usable[file]:
            message = f"The private key file {file} of {_name_of(path, name)} cannot be used."
            hosts = (name,) if name else ()
            yield error("login.key_file", f"{path}.privateKeyPath", message, hint=WHERE_KK_RAN, hosts=hosts)


def _can_be_read(offered: OfferedKeys, file: str) -> bool:
    try:
        offered.read(file)
    except RemoteError:
        return False
    return True


def _credentials(cluster: Cluster, document: Document) -> Iterator[Finding]:
    names = credential_names(document)
    if not names:
        return
    found = Credential.objects.of_clusters_of(cluster.owner).filter(name__in=names)
    granted = set(found.values_list("name", flat=True))
    for path, login, name in logins_of(document):
        if login.credential and login.credential not in granted:
            refusal = credential_refused(login.credential)
            hosts = (name,) if name else ()
            yield error("login.credential", f"{path}.credential", refusal.message, hint=refusal.hint, hosts=hosts)


def _name_of(path: str, name: str) -> str:
    if not path.endswith("jumpHost"):
        return name or "a machine without a name"
    return f"the jump host of {name}" if name else "the jump host"

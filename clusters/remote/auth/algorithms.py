"""Which algorithms SSH may use: Slipway neither offers nor accepts those that are broken or too short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.remote.errors import HandshakeFailed, KeyTooShort

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import paramiko

DISABLED: Mapping[str, Sequence[str]] = {
    # CBC with SSH's order of encryption and MAC leaks plaintext (CVE-2008-5161); 3DES has blocks of 64 bits.
    "ciphers": ("3des-cbc", "aes128-cbc", "aes192-cbc", "aes256-cbc"),
    "macs": ("hmac-md5", "hmac-md5-96", "hmac-sha1-96"),
    # The machine chooses the group of this one, and paramiko accepts groups of 1,024 bits.
    "kex": ("diffie-hellman-group-exchange-sha256",),
}
"""What paramiko 5 still offers and OpenSSH's own client dropped years ago, in the form of `disabled_algorithms`."""

SHORTEST_RSA = 2048
"""Bits of an RSA key, as NIST SP 800-131A has required since 2014."""

_MOST_NAMED = 8
# Not algorithms: markers by which one side announces its abilities in the list of key exchanges.
_MARKS = ("ext-info-", "kex-strict-")


def is_short(key: paramiko.PKey) -> bool:
    """Whether it is an RSA key short enough to be broken."""
    return key.get_name().startswith("ssh-rsa") and key.get_bits() < SHORTEST_RSA


def check_host_key(key: paramiko.PKey, place: str) -> None:
    """Raises HandshakeFailed for a key that an attacker on the route could have computed; nothing was sent yet."""
    if is_short(key):
        raise HandshakeFailed(
            f"{place} shows an RSA key of {key.get_bits():,} bits; at least {SHORTEST_RSA:,} are required.",
            hint="Create new host keys there: `rm /etc/ssh/ssh_host_*`, `ssh-keygen -A`, and restart sshd.",
            retryable=False,
        )


def check_login_key(key: paramiko.PKey, where: str) -> None:
    """Raises KeyTooShort for a private key, or an agent's key, that can be computed from its public half."""
    if is_short(key):
        raise KeyTooShort(
            f"{where} is an RSA key of {key.get_bits():,} bits; at least {SHORTEST_RSA:,} are required.",
            hint="Create a new one (`ssh-keygen -t ed25519`) and put its public half on the machine.",
        )


def offer_in_words(kinds: Sequence[tuple[str, Sequence[str], Sequence[str]]]) -> str:
    """What a machine offers of the first kind in which nothing is acceptable; "" if there is no such kind.

    `kinds` are kind, their names, our names. Theirs come from the machine, so only a few are quoted, each shortened.
    """
    for kind, theirs, ours in kinds:
        if not set(theirs) & set(ours):
            names = [name[:40] for name in theirs if not name.startswith(_MARKS)]
            more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
            return f"as {kind} it has only {', '.join(names[:_MOST_NAMED]) or 'none'}{more}"
    return ""

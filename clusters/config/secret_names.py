"""Which names are those of secrets: of keys, variables and options, in every way of writing them."""

from __future__ import annotations

import re
from functools import lru_cache

_SECRET = re.compile(
    r"pas+w|(?<!by)(?<!com)pass(?!ive|through|ed|ing|enger|age)|pwd|secret(?!ary)|token(?!iz)|credential"
    r"|(?:private|api|access|admin|auth|encryption|signing|master|shared|secret|account|license|ssh|root)[-_.]?keys?$"
    r"|key[-_.]?data$|(?:^|[-_.])(?:pw|psk|auth)$",
    re.I,
)
_KEY = re.compile(r"(?<![A-Za-z0-9])(?P<kind>[A-Za-z0-9]+)(?:[-_.](?:key|KEY|Key)|(?<=[a-z0-9])Key)s?$")
# Keys that everybody may see, and what Kubernetes calls a key: the name of an entry.
_OPEN = re.compile(
    r"(?:pub|public|authorized|known|host|gpg|apt|repo|topology|label|annotation|match|field|sort|group|primary|foreign"
    r"|partition|routing|cache|index|row|map|config|hash|object|selector|taint|toleration|labels?)$",
    re.I,
)
# What lies below these names a secret, says where one is, or how long it lives; it is none.
_HARMLESS = re.compile(
    r"(?:path|file|dir|name|namespace|ref|ttl|type|policy|duration|seconds|minutes|hours|timeout|length|enabled)s?$"
    r"|^existing|pullsecrets?$|cert-hash|automount|webhook$",
    re.I,
)


@lru_cache(maxsize=4096)
def is_secret_key(name: str) -> bool:
    """Whether the value behind this name is to be hidden. `privateKeyPath`, `secretName` and the like are not.

    `ceph.adminKey`, `ETCD_ROOT_PASSWORD`, `--oidc-client-secret` and `client-key-data` are names of secrets.
    """
    if _HARMLESS.search(name) is not None:
        return False
    if _SECRET.search(name) is not None:
        return not (name.lower().endswith(("key", "keys")) and _is_open(name))
    return _KEY.search(name) is not None and not _is_open(name)


def is_harmless_key(name: str) -> bool:
    """Whether a value below this name is not a secret, even inside a secret (`secret: {name: a}`)."""
    return _HARMLESS.search(name) is not None


def _is_open(name: str) -> bool:
    found = _KEY.search(name)
    return found is not None and _OPEN.search(found["kind"]) is not None

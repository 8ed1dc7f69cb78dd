"""Which names are those of secrets, of keys, variables and options, in every way of writing; and which values not."""

from __future__ import annotations

import re
from functools import lru_cache

_SECRET = re.compile(
    r"pas+w|(?<!by)(?<!com)pass(?!ive|through|ed|ing|enger|age)|pwd|secret(?!ar(?:y|ies|ial|iat))|token(?!iz|[-_]?(?:review|request))"
    r"|credential|dockerconfigjson|dockercfg|mnemonic"
    r"|(?:private|api|access|admin|auth|encryption|signing|master|shared|secret|account|license|activation|ssh|root)"
    r"[-_.]?keys?$|key[-_.]?data$|(?:^|[-_.]|bind|root|admin|user|ldap|smtp|(?-i:(?<=[a-z0-9])(?=P)))pw$"
    r"|(?:^|[-_.])(?:psk|auth)$",
    re.I,
)
_KEY = re.compile(r"(?<![A-Za-z0-9])(?P<kind>[A-Za-z0-9]+)(?:[-_.](?:key|KEY|Key)|(?<=[a-z0-9])Key)s?$")
# Words that are names of secrets only at the end, and only of a value that looks like one: `cookie: {secure: true}`.
_WEAK = re.compile(
    r"(?:(?:^|[-_.])(?i:jwt|salts?|cookies?|signing|seed|hmac|pepper|t?otp)"
    r"|(?<=[a-z0-9])(?:Jwt|JWT|Salts?|Cookies?|Signing|Seed|Hmac|HMAC|Pepper|T?OTP|T?otp))$"
)
_WEAK_OPEN = re.compile(
    r"(?i:lax|strict|none|required|preferred|optional|enabled?|disabled?|auto|random|default|secure|session|persistent"
    r"|rsa|ecdsa|ed25519|md5|sha-?\d*+|[hrep]s\d{3}|sha\d-\d+|\d{1,5}|.{1,3})|[{\[].*|.*\s.*",
    re.S,
)
# Keys that everybody may see, and what Kubernetes calls a key: the name of an entry.
_OPEN = re.compile(
    r"(?:recv|pub|public|username|authorized|known|host|gpg|apt|repo|topology|label|annotation|match|field|sort|group|primary|foreign"
    r"|partition|routing|cache|index|row|map|config|hash|object|selector|taint|toleration|labels?)$",
    re.I,
)
_PRODUCT = re.compile(r"(?<![A-Za-z0-9])KubeKey$")
"""What is spelled as a name of a key, and is the name of a program."""
# Values of these names give a secret's name, location or lifetime; they are not secrets.
_HARMLESS = re.compile(
    r"(?:path|file|dir|name|namespace|ref|ttl|type|polic(?:y|ies)|len|days|duration|seconds|minutes|hours|timeout|length|enabled|stdin"
    r"|endpoint|audience|annotation|label)s?$|(?:^|[-_.])(?:existing(?![-_]?passw(?:or)?d$)|stdin)|pullsecrets?$|[-_.]fd$|cert-?hash"
    r"|automount|webhook$",
    re.I,
)
# Name endings for properties of a secret: how it is made, how long it lives. Below a name it may be a user's.
_ABOUT = re.compile(
    r"(?<=[a-z0-9_.-])(?:encryption|algorithm|authentication|complexity|strength|expir(?:y|ation|es)|lifetime|validity"
    r"|rotation|interval|issuer|mode|location|limit|count|size|version|format|engine|provider|class|ur[il]|retries|claim"
    r"|backend|store|manager|source|strategy|strategies|history|bucket|kind|prefix|helper|scope|status|state|prompt"
    r"|hashing|hasher|encoder|charset|characters|generator|digit|rule|field|column|parameter|owner|reader|resource|index"
    r"|replica|image|rate|threshold|cost|(?:expires|created|updated|changed|rotated|issued)[-_]?at"
    r"|(?:[-_.]|(?-i:(?=A)))age)s?$",
    re.I,
)
_COUNT = re.compile(
    r"(?i:tokens$|(?:^|[-_.])(?:max|min|num|per)[-_])|(?<![A-Za-z])(?:max|min|num|numberOf)[A-Z]|[a-z](?:Per|Num)[A-Z]"
)
"""Names behind which a number counts something: `max_tokens: 4096`, `tokensPerSecond: 100`."""
_FEW = re.compile(r"(?i)pass|passes|secrets|(?:first|second|last|failed|num(?:ber)?)[-_]?pass(?:es)?")
"""Names behind which a number of one or two digits does: `PASS=0`."""
_KEY_SIZE = re.compile(r"256|384|521|1024|2048|3072|4096|8192")
_KIND = re.compile(
    r"(?i)basic|token|bearer|digest|oidc|oauth2?|ldap|kerberos|ntlm|m?tls|simple|anonymous|trust|md5|jwt|saml|sso|x509"
    r"|service-?account|gssapi|kubernetes|negotiate|peer|scram-sha-\d{1,3}|certificates?"
)
"""How somebody logs in, as it stands behind `auth`."""
_MOUNT = re.compile(
    r"(?:type=(?:file|env),)?id=[a-z][a-z_.-]*+(?:,(?:type|src|source|env|target|dst|mode|uid|gid)=[^,\s]*+)*+"
)
_ENTRY = re.compile(r"[a-z-]*(?:password|token|secret)")
"""What an entry of a Secret is called, as it stands behind `passwordKey`."""
# A variable, a template, a place to fill in, a path, the head of a block, a switch, a fingerprint, a kind of keys.
_NO_SECRET = re.compile(
    r"\$(?:[A-Z_0-9]\w*+|[{(].*+)|`[^`]*+`|\{\{.*+|<[^>]*+>|%\w|(?:/[\w.-]++){2,}/?+|[|>][-+]?|={1,2}.*+"
    r"|(?:tls|ca|client|server)\.(?:crt|key|pem)|RSA|ECDSA|Ed25519|PKCS[18]|\*{3,}|\.{3,}|TBD|TODO|REDACTED|[Nn]/[Aa]|\$"
    r"|(?i:true|false|yes|no|on|off|null|none|nil|~|enabled?|disabled?|required|optional)|(?i:sha256:)(?:[0-9a-f]{64}|[A-Za-z0-9+/]{43}=?)",
    re.S,
)


@lru_cache(maxsize=4096)
def is_secret_key(name: str) -> bool:
    """Whether the value behind this name is to be hidden. `privateKeyPath`, `secretName` and the like are not.

    `ceph.adminKey`, `ETCD_ROOT_PASSWORD`, `--oidc-client-secret` and `client-key-data` are names of secrets.
    """
    if any(each.search(name) is not None for each in (_HARMLESS, _ABOUT, _PRODUCT)):
        return False
    if _SECRET.search(name) is not None:
        return not (name.lower().endswith(("key", "keys")) and _is_open(name))
    return is_weak_key(name) or (_KEY.search(name) is not None and not _is_open(name))


@lru_cache(maxsize=4096)
def is_weak_key(name: str) -> bool:
    """Whether the name is one of a secret only where its own value looks like one: `salt`, `sessionCookie`."""
    return _WEAK.search(name) is not None and _SECRET.search(name) is None


def is_open_value(name: str, value: str) -> bool:
    """Whether a value is not a secret, although its name is that of a secret."""
    if not value or _NO_SECRET.fullmatch(value) is not None:
        return True
    if value.isdecimal():
        counts = 3 if _FEW.fullmatch(name) is not None else 8 if _COUNT.search(name) is not None else 0
        if len(value) < counts or (is_of_key_pair(name) and _KEY_SIZE.fullmatch(value) is not None):
            return True
    lower = name.lower()
    if (
        is_named_mount(name, value)
        or (lower.endswith("auth") and _KIND.fullmatch(value))
        or (lower.endswith("wordkey") and _ENTRY.fullmatch(value))
    ):
        return True
    return is_weak_key(name) and _WEAK_OPEN.fullmatch(value) is not None


def is_named_mount(name: str, value: str) -> bool:
    """Whether it is how a build is given a secret, by what that is called: `--secret id=npm,src=/x`."""
    return name.lstrip("-").lower() == "secret" and _MOUNT.fullmatch(value) is not None


def is_of_key_pair(name: str) -> bool:
    """Whether it is the name of a private key, which may have a size instead of a key: `privateKey: {size: 2048}`."""
    return name.lower().replace("-", "").replace("_", "") == "privatekey"


@lru_cache(maxsize=4096)
def is_harmless_key(name: str) -> bool:
    """Whether a value below this name is not a secret, even inside a secret (`secret: {name: a}`)."""
    return _HARMLESS.search(name) is not None


def _is_open(name: str) -> bool:
    found = _KEY.search(name)
    return found is not None and _OPEN.search(found["kind"]) is not None

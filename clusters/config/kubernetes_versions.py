"""Differences between Kubernetes versions: kubeadm API, labels, taints, images and component versions.

Three versions were run on machines: `PROVEN`. The row of 1.37 was read from the constants of kubeadm 1.37.2
(cmd/kubeadm/app/constants), and those of 1.36.3 and 1.20.2 worked when they ran. The rest was compared with
published data, as of August 2026:

- pause and CoreDNS: every patch from 1.20.0 to 1.36.3 against minikube's table of what `kubeadm config images list`
  prints (pkg/minikube/constants/constants_kubeadm_images.go); 1.36.4, 1.35.8 and 1.34.11 are assumed to equal
  the patch before them. kubespray's `pod_infra_supported_versions` and `coredns_version` agree.
- last patches: minikube's list of releases (constants_kubernetes_versions.go), which has no gap in any series; up to
  1.31 also the website's table of ended series (data/releases/eol.yaml). It lists 1.29.14, but 1.29.15 was published.
  The last patch of 1.37 is the one that ran; it may not be the newest.
- end dates: eol.yaml up to 1.32; from 1.33 on, the date that kubernetes.io announces on each series' page (November
  2026).
- crictl: the checksums, for amd64 and arm64, in the tables of kubespray and (1.24.2) of KubeKey 3.1; 1.37.0 is the
  Go module release that ran.
- image registries: the patches in which kubeadm's default changed, as in Cluster API's `GetDefaultRegistry`.
- containerd: the table of Kubernetes versions in containerd's RELEASES.md.
- etcd: the same two tables have checksums of all versions except 3.7.0. The version is Slipway's choice, not
  kubeadm's default of each patch: the default up to 1.21 and (of the first patches) from 1.34 on; between them
  3.5.24, because 3.5.0 to 3.5.2, the defaults of kubeadm 1.22 and 1.23, could lose data, and because it is the oldest
  that the last patches of kubeadm accept as an external etcd (MinExternalEtcdVersion).
- containerd, runc, CNI plugins: kubespray has checksums of these for amd64 and arm64.

Not compared with any source: patches later than August 2026, except 1.37.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from clusters.config.yaml.tree import excerpt
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

_NUMBER = "(0|[1-9][0-9]{0,2})"
_PATTERN = re.compile(rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}")
_SUFFIXED = re.compile(rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}[-+](k3s|k8e|rke2|alpha|beta|rc)[-.+0-9a-z]{{0,20}}")
_DISTRIBUTIONS = ("k3s", "k8e", "rke2")
"""Distributions that appear in versions: KubeKey installs the first two, `v1.21.6-k3s`."""

MASTER_KEY = "node-role.kubernetes.io/master"
CONTROL_PLANE_KEY = "node-role.kubernetes.io/control-plane"
WORKER_KEY = "node-role.kubernetes.io/worker"


class Version(NamedTuple):
    """A release that can be compared. `str()` returns it with the leading v."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}"


class _Series(NamedTuple):
    """`final`: there will be no patch after `last_patch`; `ends` is the day on which upstream support ends."""

    last_patch: int
    final: bool
    ends: str
    pause: str
    coredns: str
    etcd: str
    crictl: str


_SERIES: dict[int, _Series] = {
    20: _Series(15, True, "2022-02-28", "3.2", "1.7.0", "3.4.13", "1.20.0"),
    21: _Series(14, True, "2022-06-28", "3.4.1", "v1.8.0", "3.4.13", "1.21.0"),
    22: _Series(17, True, "2022-12-08", "3.5", "v1.8.4", "3.5.24", "1.22.0"),
    23: _Series(17, True, "2023-02-28", "3.6", "v1.8.6", "3.5.24", "1.23.0"),
    24: _Series(17, True, "2023-07-28", "3.7", "v1.8.6", "3.5.24", "1.24.2"),
    25: _Series(16, True, "2023-10-28", "3.8", "v1.9.3", "3.5.24", "1.25.0"),
    26: _Series(15, True, "2024-02-28", "3.9", "v1.9.3", "3.5.24", "1.26.1"),
    27: _Series(16, True, "2024-07-16", "3.9", "v1.10.1", "3.5.24", "1.27.1"),
    28: _Series(15, True, "2024-10-22", "3.9", "v1.10.1", "3.5.24", "1.28.0"),
    29: _Series(15, True, "2025-02-28", "3.9", "v1.11.1", "3.5.24", "1.29.0"),
    30: _Series(14, True, "2025-07-15", "3.9", "v1.11.3", "3.5.24", "1.30.1"),
    31: _Series(14, True, "2025-11-11", "3.10", "v1.11.3", "3.5.24", "1.31.1"),
    32: _Series(13, True, "2026-02-28", "3.10", "v1.11.3", "3.5.24", "1.32.0"),
    33: _Series(13, True, "2026-06-28", "3.10", "v1.12.0", "3.5.24", "1.33.0"),
    # Ended after the published data was last checked, so later patches are assumed to exist.
    34: _Series(11, False, "2026-10-27", "3.10.1", "v1.12.1", "3.6.5", "1.34.0"),
    35: _Series(8, False, "2027-02-28", "3.10.1", "v1.13.1", "3.6.6", "1.35.0"),
    36: _Series(4, False, "2027-06-28", "3.10.2", "v1.14.2", "3.6.8", "1.36.0"),
    37: _Series(2, False, "2027-10-28", "3.10.2", "v1.14.6", "3.7.0", "1.37.0"),
}

# The two series in which CoreDNS changed: minor -> the first patch with the tag above, and the previous tag.
_COREDNS_BEFORE: dict[int, tuple[int, str]] = {30: (5, "v1.11.1"), 31: (1, "v1.11.1")}

# The patches from which on kubeadm uses registry.k8s.io, in the series that started with another registry.
_NEW_REGISTRY_SINCE: dict[int, int] = {22: 17, 23: 15, 24: 9}

OLDEST = Version(1, min(_SERIES), 0)
NEWEST = Version(1, max(_SERIES), _SERIES[max(_SERIES)].last_patch)

PROVEN = ("v1.37.2", "v1.36.3", "v1.20.2")
"""Newest first: the versions that Slipway installed on its lab machines, exactly these patches. Of other versions, only
the kubeadm files are compared: they are stored for each series (tests/catalog/golden) but were never run."""

PROVEN_WITH: dict[str, dict[str, str]] = {
    "v1.37.2": {"etcd": "v3.7.0", "containerd": "v2.4.2", "runc": "v1.5.3"},
    "v1.36.3": {"etcd": "v3.6.8", "containerd": "v2.4.2", "runc": "v1.5.3"},
    "v1.20.2": {"etcd": "v3.4.23", "containerd": "v1.6.20", "runc": "v1.1.5"},
}
"""Proven version -> the components that ran with it in the lab; a source may have others. Source: the bundle.yaml of
the lab's three bundles, which tests/lab builds from Go modules and Debian's packages."""

CONTAINERD = "1.7.34"
"""The last containerd series that supports both CRI v1alpha2 (the only one in the kubelet up to 1.22) and v1 (the only
one from 1.26 on); for Kubernetes up to 1.35. Source: containerd's RELEASES.md."""

CONTAINERD_2 = "2.3.4"
"""From Kubernetes 1.36 on, containerd 2.2 or later is required; 2.3 has long-term support. Source: as above."""

RUNC = "1.3.6"
"""Fixes CVE-2025-31133, CVE-2025-52565, CVE-2025-52881 and CVE-2026-41579. Source: runc's CHANGELOG.md."""

NODE_DNS_IMAGE = "registry.k8s.io/dns/k8s-dns-node-cache:1.25.0"
"""The DNS cache of `nodelocaldns`. Source: kubespray's `nodelocaldns_version`."""

DOCKER = "24.0.9"
"""The newest Docker Engine with a published SHA-256 of its static archives: in KubeKey 3.1's table; docker itself
publishes none. dockershim of 1.20 to 1.23 and cri-dockerd both support its API."""

CRI_DOCKERD = "0.3.21"
"""From Kubernetes 1.24 on, between the kubelet and Docker. Source: KubeKey 4's default, checksums in kubespray."""

CNI_PLUGINS = "1.6.2"
"""bridge, host-local, portmap, loopback for every version here. Source: containernetworking/plugins' releases."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an installation of a Kubernetes version needs to know. Component versions have no leading v,
    except `coredns_tag` and `pause_tag`, which are image tags as published."""

    version: Version
    kubeadm_api: str
    control_plane_labels: tuple[str, ...]
    control_plane_taints: tuple[str, ...]
    image_repository: str
    pause_tag: str
    coredns_tag: str
    coredns_image: str
    etcd: str
    containerd: str
    runc: str
    cni_plugins: str
    crictl: str
    dockershim: bool

    @property
    def pause_image(self) -> str:
        """The sandbox image with repository and tag."""
        return f"{self.image_repository}/pause:{self.pause_tag}"


def parse_version(text: str) -> Version:
    """`v1.20.2` or `1.20.2` as a Version. Raises ConfigError for anything else, pre-releases too."""
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"Expected a Kubernetes version, found {text!r}.",
            hint="Write it like v1.20.2: three numbers with dots.",
        )
    return Version(*(int(part) for part in match.groups()))


def is_version(text: str) -> bool:
    """Whether a text is a release, known or not."""
    return _PATTERN.fullmatch(text.strip()) is not None


def spelled(text: str) -> str:
    """The canonical spelling of a version, `v1.20.2`; other text is returned without surrounding blanks.

    Every version from a document, a form or a bundle passes through this function once, on input.
    """
    try:
        return str(parse_version(text))
    except ConfigError:
        return text.strip()


def is_known(text: str) -> bool:
    """Whether this release exists and can be planned. In a maintained series, newer patches count as existing."""
    try:
        version = parse_version(text)
    except ConfigError:
        return False
    series = _SERIES.get(version.minor) if version.major == 1 else None
    return series is not None and (not series.final or version.patch <= series.last_patch)


def known_versions() -> tuple[str, ...]:
    """Every version of the table, newest first. No series has a gap."""
    return tuple(
        str(Version(1, minor, patch))
        for minor in sorted(_SERIES, reverse=True)
        for patch in range(_SERIES[minor].last_patch, -1, -1)
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known about an existing version; the two facts are independent.

    `proven`: Slipway ran it in its lab. Otherwise the kubeadm files of its series were compared, but nothing ran.
    `ended`: the day on which upstream ended its series; None while it is maintained.
    """

    proven: bool
    ended: date | None


def standing_of(text: str, today: date) -> Standing | None:
    """What is known about a version on a day; None for an unknown version."""
    if not is_known(text):
        return None
    version = parse_version(text)
    ends = date.fromisoformat(_SERIES[version.minor].ends)
    return Standing(proven=str(version) in PROVEN, ended=ends if ends < today else None)


def newest_proven(among: Iterable[str] = PROVEN) -> str:
    """The newest proven one of these versions, in its original spelling; empty when none is proven."""
    found = [text for text in among if is_known(text) and str(parse_version(text)) in PROVEN]
    return max(found, key=parse_version, default="")


def nearest(text: str) -> str:
    """The known version closest to a text: in the same series if there is one, else at the nearest end of the list."""
    try:
        version = parse_version(text)
    except ConfigError:
        numbers = [int(part) for part in re.findall(r"\d{1,3}", text)[:2]]
        version = Version(numbers[0], numbers[1], 0) if len(numbers) == 2 else NEWEST
    return str(_newest_of(version))


def _newest_of(version: Version) -> Version:
    if version.major != 1 or version.minor not in _SERIES:
        minor = OLDEST.minor if version < OLDEST else NEWEST.minor
        return Version(1, minor, _SERIES[minor].last_patch)
    return Version(1, version.minor, _SERIES[version.minor].last_patch)


def why_unknown(text: str) -> tuple[str, str]:
    """Why an unknown version cannot be planned, as a sentence without its period, and what is allowed."""
    series = f"v1.{OLDEST.minor} to v1.{NEWEST.minor}"
    try:
        version = parse_version(text)
    except ConfigError:
        kind = _suffix_of(text)
        if kind in _DISTRIBUTIONS:
            return f"{excerpt(text)} is a version of {kind}, which is not built; Slipway installs Kubernetes", series
        if kind:
            return f"{excerpt(text)} is a pre-release; Slipway installs releases of {series}", series
        return f"{excerpt(text)} is not a Kubernetes version; expected three numbers with dots", series
    if version.major != 1 or version.minor not in _SERIES:
        why = "too old" if version < OLDEST else "newer than Slipway knows"
        return f"Kubernetes {version} is {why}: Slipway installs {series}", series
    last = str(_newest_of(version))
    message = f"Kubernetes {version} does not exist: the series v1.{version.minor} ended with {last}"
    return message, f"v1.{version.minor}.0 to {last}"


def _suffix_of(text: str) -> str:
    match = _SUFFIXED.fullmatch(text.strip().lower())
    return match[4] if match else ""


def instead_of(text: str) -> str:
    """What to use instead of an unknown version, as a sentence."""
    better = nearest(text)
    if is_version(text) and parse_version(text) < OLDEST:
        return f"Use {better} or newer."
    return f"Use a version like {better}." if _suffix_of(text) else f"Did you mean {better}?"


def is_newer_than_the_table(text: str) -> bool:
    """Whether it is a later patch of a maintained series than in the table: assumed to exist, planned like others."""
    return is_known(text) and parse_version(text) > _newest_of(parse_version(text))


def facts_of(text: str) -> Facts:
    """The facts of a Kubernetes version. Raises ConfigError when it is unknown."""
    if not is_known(text):
        raise ConfigError(f"{why_unknown(text)[0]}.", hint=instead_of(text))
    version = parse_version(text)
    series = _SERIES[version.minor]
    coredns = coredns_tag(version)
    return Facts(
        version=version,
        kubeadm_api=kubeadm_api(version),
        control_plane_labels=control_plane_labels(version),
        control_plane_taints=control_plane_taints(version),
        image_repository=image_repository(version),
        pause_tag=series.pause,
        coredns_tag=coredns,
        coredns_image=f"{coredns_repository(version)}:{coredns}",
        etcd=series.etcd,
        containerd=CONTAINERD if version.minor <= 35 else CONTAINERD_2,
        runc=RUNC,
        cni_plugins=CNI_PLUGINS,
        crictl=series.crictl,
        dockershim=has_dockershim(version),
    )


def kubeadm_api(version: Version) -> str:
    """kubeadm.k8s.io/...: v1beta2 to 1.21, v1beta3 from 1.22, v1beta4 from 1.31.

    Source: kubeadm's changelogs; v1beta3 came with 1.22, v1beta4 with 1.31, where v1beta3 became deprecated.
    """
    if version.minor <= 21:
        return "v1beta2"
    return "v1beta3" if version.minor <= 30 else "v1beta4"


def control_plane_labels(version: Version) -> tuple[str, ...]:
    """Labels that kubeadm sets on control plane nodes. Source: KEP-2067; the master label ended with 1.24."""
    return (MASTER_KEY, CONTROL_PLANE_KEY) if version.minor <= 23 else (CONTROL_PLANE_KEY,)


def control_plane_taints(version: Version) -> tuple[str, ...]:
    """Keys of the NoSchedule taints that kubeadm sets on control plane nodes.

    Source: KEP-2067: the master taint alone to 1.23, both in 1.24, the control-plane taint alone from 1.25.
    """
    if version.minor <= 23:
        return (MASTER_KEY,)
    return (MASTER_KEY, CONTROL_PLANE_KEY) if version.minor == 24 else (CONTROL_PLANE_KEY,)


def image_repository(version: Version) -> str:
    """kubeadm's default registry: registry.k8s.io from 1.25 on and in the last patches of earlier series.

    Source: `GetDefaultRegistry` of Cluster API; the changelogs of 1.25.0 and 1.23.15 mention it.
    """
    since = _NEW_REGISTRY_SINCE.get(version.minor)
    new = version.minor >= 25 or (since is not None and version.patch >= since)
    return "registry.k8s.io" if new else "k8s.gcr.io"


def coredns_tag(version: Version) -> str:
    """The tag of the CoreDNS image that this patch of kubeadm uses."""
    since, before = _COREDNS_BEFORE.get(version.minor, (0, ""))
    return _SERIES[version.minor].coredns if version.patch >= since else before


def coredns_repository(version: Version) -> str:
    """The CoreDNS image without its tag; it moved one path level down in 1.21. Source: kubeadm's changelog of 1.21."""
    name = "coredns" if version.minor <= 20 else "coredns/coredns"
    return f"{image_repository(version)}/{name}"


def etcd_image(version: Version) -> str:
    """The image of an etcd that kubeadm runs as a static pod: the etcd of the table above, also where kubeadm's own
    default is older. k8s.gcr.io is frozen since April 2023, so newer ones come from registry.k8s.io.

    Source of the tags: minikube's table of images.
    """
    tag = _SERIES[version.minor].etcd
    repository = image_repository(version) if tag == "3.4.13" else "registry.k8s.io"
    return f"{repository}/etcd:{tag}-0"


def has_dockershim(version: Version) -> bool:
    """Whether the kubelet can drive Docker by itself. Source: KEP-2221, removed in 1.24."""
    return version.minor <= 23

"""The parts of Cilium's chart: the image of each part, and for which values it is rendered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Values = dict[str, Any]
"""A chart's values."""


@dataclass(frozen=True, slots=True)
class Part:
    """A container's image: its place in the values, its repository, and the tag of each release.

    Without `tags` it has the release's. `there` returns whether the part is rendered for given values.
    """

    place: str
    repository: str
    there: Callable[[Values], bool]
    tags: Mapping[str, str] = field(default_factory=dict)


def value(values: Values, place: str, default: Any = None) -> Any:
    """The value at `a.b.c`, or the default where it is not set."""
    found: Any = values
    for key in place.split("."):
        if not isinstance(found, dict) or key not in found:
            return default
        found = found[key]
    return found


def hubble(values: Values, part: str = "") -> bool:
    """Whether Hubble is on; with `relay` or `ui`, whether that part is on, too."""
    return bool(value(values, "hubble.enabled")) and (not part or bool(value(values, f"hubble.{part}.enabled")))


def _certificates_by_job(values: Values) -> bool:
    return hubble(values) and value(values, "hubble.tls.auto.method") == "cronJob"


_UI = {"v1.14.19": "v0.13.1", "v1.15.19": "v0.13.2", "v1.17.18": "v0.13.5", "v1.19.6": "v0.13.5", "v1.20.0": "v0.13.5"}

PARTS = (
    Part("image", "quay.io/cilium/cilium", lambda values: True),
    Part("operator.image", "quay.io/cilium/operator", lambda values: True),
    Part("hubble.relay.image", "quay.io/cilium/hubble-relay", lambda values: hubble(values, "relay")),
    Part("hubble.ui.backend.image", "quay.io/cilium/hubble-ui-backend", lambda values: hubble(values, "ui"), _UI),
    Part("hubble.ui.frontend.image", "quay.io/cilium/hubble-ui", lambda values: hubble(values, "ui"), _UI),
    Part(
        "envoy.image",
        "quay.io/cilium/cilium-envoy",
        lambda values: bool(value(values, "envoy.enabled")),
        {
            "v1.14.19": "v1.30.9-1734953328-6db0e437ba7ed2169f032ceec25922dd06e0b12b",
            "v1.15.19": "v1.33.4-1752151664-7c2edb0b44cf95f326d628b837fcdd845102ba68",
            "v1.17.18": "v1.36.9-1782267392-edeb3f2af56c37c407efa1f63f0b32f595399bbc",
            "v1.19.6": "v1.36.9-1782267392-edeb3f2af56c37c407efa1f63f0b32f595399bbc",
            "v1.20.0": "v1.37.5-1782911245-7cffc778c923f68a77954a53b1a98d6b5353f004",
        },
    ),
    Part(
        "certgen.image",
        "quay.io/cilium/certgen",
        _certificates_by_job,
        {
            "v1.14.19": "v0.1.16",
            "v1.15.19": "v0.1.19",
            "v1.17.18": "v0.4.6",
            "v1.19.6": "v0.4.6",
            "v1.20.0": "v0.4.8",
        },
    ),
)
"""The parts a cluster of machines is likely to run. Source: the charts, rendered by helm with these parts on."""


def image_of(part: Part, values: Values, release: str) -> str:
    """The image of a part as the chart composes it from its values."""
    image = value(values, part.place) or {}
    if image.get("override"):
        return str(image["override"])
    repository = image.get("repository", part.repository)
    if part.place == "operator.image":
        # The chart has one operator for each cloud, and this one for everything else.
        repository = f"{repository}-generic{image.get('suffix', '')}"
    tag = image.get("tag", part.tags.get(release, release))
    digest = f"@{image['digest']}" if image.get("useDigest", True) and image.get("digest") else ""
    return f"{repository}{f':{tag}' if tag else ''}{digest}"


def images_of(values: Values, release: str) -> tuple[str, ...]:
    """The images that the chart of a release runs with these values."""
    return tuple(image_of(part, values, release) for part in PARTS if part.there(values))


def without_digests() -> Values:
    """Values that name every part by its tag, so that bundles and other registries can serve it."""
    result: Values = {}
    for part in PARTS:
        inner = result
        for key in part.place.split("."):
            inner = inner.setdefault(key, {})
        inner["useDigest"] = False
    return result

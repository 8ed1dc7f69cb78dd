"""Documents for tests: the seed example, and strategies for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from clusters.config.keys import Key, Model, keys_of
from clusters.config.schema import Document, Host, Kubernetes, KubeSphere, Network, RoleGroups
from clusters.config.secret import MASK, Secret


def seed_document(**changes: Any) -> Document:
    """One control plane with etcd, two workers."""
    hosts = tuple(
        Host(
            name=f"node{number}",
            address=f"172.16.0.{number + 1}",
            internal_address=f"172.16.0.{number + 1}",
            user="ubuntu",
            password=Secret("Testing123"),
        )
        for number in (1, 2, 3)
    )
    document = Document(
        hosts=hosts,
        role_groups=RoleGroups(etcd=("node1",), master=("node1",), worker=("node2", "node3")),
        kubernetes=Kubernetes(version="v1.20.2", container_manager="containerd", proxy_mode="iptables"),
        network=Network(plugin="bridge"),
    )
    return document.model_copy(update=changes)


def large_document(count: int = 1000) -> Document:
    """Many machines with different addresses."""
    hosts = tuple(
        Host(name=f"node{n}", address=f"10.{n // 250}.1.{n % 250 + 1}", user="ubuntu", password=Secret("Testing123"))
        for n in range(1, count + 1)
    )
    return seed_document(
        hosts=hosts,
        role_groups=RoleGroups(etcd=("node1",), master=("node1",), worker=(f"node[2:{count}]",)),
        network=Network(plugin="bridge", kube_pods_cidr="10.240.0.0/12"),
    )


TRICKY = (
    "yes",
    "on",
    "No",
    "~",
    "null",
    "1.20",
    "0123",
    "1e3",
    "0x1F",
    "12:30:45",
    "2024-01-01",
    "=",
    "<<",
    "*a",
    "&a",
    "!a",
    "@a",
    "a: b",
    "a #b",
    "- a",
    "[1:3]",
    "{a}",
    '"',
    "'",
    "\\",
    " a ",
    "a\nb",
    "\t",
    "\x85",
    "\u2028",
    "\ufeff",
    "\x00",
    "\x7f",
    "💥",
    "Qcloud@123",
)
TEXTS = st.one_of(st.sampled_from(TRICKY), st.text(max_size=12), st.from_regex(r"[a-z]{1,8}[0-9]?", fullmatch=True))
TEXTS = TEXTS.filter(lambda text: text != MASK)
GIVEN = TEXTS.filter(bool)
SECRETS = st.none() | GIVEN.map(Secret)
NAMES = st.lists(TEXTS, max_size=3).map(tuple)
NUMBERS = st.integers(-(10**6), 10**6)
EXTRA_KEYS = GIVEN.map(lambda text: f"x-{text}").filter(lambda text: text != "x-")
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(GIVEN.filter(lambda key: key != "<<"), inner, max_size=3)
    ),
    max_leaves=6,
)
EXTRAS = st.dictionaries(EXTRA_KEYS, PLAIN, max_size=2)
HOST_EXTRAS = st.dictionaries(EXTRA_KEYS, PLAIN.filter(lambda value: value is not None), max_size=2)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int": NUMBERS,
    "float": st.sampled_from((0.5, 1.0, 12.25)),
    "bool": st.booleans(),
    "text": TEXTS,
    "names": NAMES,
    "values": NAMES | TEXTS,
    "labels": st.dictionaries(GIVEN.filter(lambda key: key != "<<"), TEXTS, max_size=2),
    "flags": st.dictionaries(GIVEN.filter(lambda key: key != "<<"), st.booleans(), max_size=2),
    "secret": SECRETS,
    "raw": EXTRAS,
}


@st.composite
def models(draw: st.DrawFn, model: type[Model], some: int = 3) -> Any:
    """A section with some of its keys given, however wrong, and perhaps a key nobody knows."""
    keys = keys_of(model)
    chosen = draw(st.lists(st.sampled_from(sorted(keys)), max_size=some, unique=True))
    data = {name: draw(values(keys[name])) for name in chosen if not name.startswith("---")}
    extras = HOST_EXTRAS if model is Host else EXTRAS
    return model.model_validate({**data, **(draw(extras) if draw(st.integers(0, 4)) == 0 else {})})


def values(key: Key) -> st.SearchStrategy[Any]:
    """A value of this key's kind."""
    if key.inner is None:
        return VALUES[key.kind]
    some = 6 if key.inner is Host else 3
    one = models(key.inner, some)
    if key.kind == "models":
        return st.lists(one, max_size=2).map(tuple)
    return st.dictionaries(GIVEN.filter(lambda name: name != "<<"), one, max_size=2) if key.kind == "table" else one


@st.composite
def kubespheres(draw: st.DrawFn) -> KubeSphere:
    """KubeSphere's document."""
    found: KubeSphere = draw(models(KubeSphere, 5))
    return found.model_copy(update={"kind": draw(st.sampled_from(("ClusterConfiguration", "ConfigMap")))})


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any document, however wrong for a cluster: every key of every section may be given."""
    document: Document = draw(models(Document, 8))
    update = {
        "kubesphere_document": draw(st.none() | kubespheres()),
        "config_v4": draw(st.just({}) | EXTRAS),
        "inventory_v4": draw(st.just({}) | EXTRAS),
    }
    return document.model_copy(update=update)

"""Rules on the registry section: where images come from."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from clusters.addresses import read_address
from clusters.config import topology
from clusters.config.finding import error, warning
from clusters.config.rules.registry import rule
from clusters.config.sections.registry import REGISTRY_TYPES
from clusters.config.syntax import did_you_mean, is_absolute, is_url
from clusters.config.yaml.tree import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_REGISTRY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?(/[a-z0-9._/-]+)?")
_PROJECT = re.compile(r"[a-z0-9]+([._/-]+[a-z0-9]+)*")
_PATH = "spec.registry"


@rule
def registries(document: Document) -> Iterator[Finding]:
    """Registries are written host[:port], mirrors as URLs."""
    section = document.registry
    named = [(f"{_PATH}.privateRegistry", section.private_registry)] if section.private_registry else []
    repo = document.kubernetes.image_repo
    named += [("spec.kubernetes.imageRepo", repo)] if repo else []
    named += [(f"{_PATH}.insecureRegistries.{i}", text) for i, text in enumerate(section.insecure_registries)]
    named += [(f"{_PATH}.auths.{text}", text) for text in section.auths]
    named += [(f"{_PATH}.remoteMirrors.{text}", text) for text in section.remote_mirrors]
    for path, text in named:
        if "://" in text:
            hint = "Leave out http:// or https://."
            message = "A registry is a host name with an optional port."
            yield error("registry.scheme", path, message, hint=hint, found=shown(text), allowed="host or host:port")
        elif not _REGISTRY.fullmatch(text) or read_address(f"//{text}") is None:
            message = f"{shown(text)} is no registry."
            hint = "Write it like host:5000; ports are 1 to 65535."
            yield error("registry.syntax", path, message, hint=hint, found=shown(text), allowed="host or host:port")
    mirrors = [(f"{_PATH}.registryMirrors.{i}", text) for i, text in enumerate(section.registry_mirrors)]
    for name, mirror in section.remote_mirrors.items():
        mirrors += [(f"{_PATH}.remoteMirrors.{name}.endpoint.{i}", text) for i, text in enumerate(mirror.endpoint)]
    for path, text in mirrors:
        if not is_url(text):
            hint = "Write it like https://mirror:5000, without a user."
            yield error("registry.mirror_syntax", path, "A mirror is a URL.", hint=hint, allowed="a URL")


@rule
def projects(document: Document) -> Iterator[Finding]:
    """The project of the images is written as in an image's name; what is renamed has a new name."""
    section = document.registry
    names = [(f"{_PATH}.namespaceOverride", section.namespace_override)]
    rewrite = section.namespace_rewrite
    names += [(f"{_PATH}.namespaceRewrite.dest", rewrite.dest)]
    for path, text in names:
        if text and not _PROJECT.fullmatch(text):
            message = f"{shown(text)} cannot be a project in an image's name."
            hint = "Lower case letters, digits, '-', '_' and '.'."
            yield error(
                "registry.project_syntax", path, message, hint=hint, found=shown(text), allowed="like kubesphere"
            )
    path = f"{_PATH}.namespaceRewrite"
    if rewrite.policy not in ("", "changePrefix"):
        message = f"There is no policy {shown(rewrite.policy)}."
        found = shown(rewrite.policy)
        yield error("registry.rewrite_policy", f"{path}.policy", message, found=found, allowed="changePrefix")
    elif rewrite.src and not rewrite.dest:
        message = "Projects are to be renamed, but dest does not say to what."
        yield error("registry.rewrite_dest", f"{path}.dest", message, found="nothing", allowed="a project")


@rule
def without_effect(document: Document) -> Iterator[Finding]:
    """What is said of images and mirrors is something that the chosen registry and runtime can heed."""
    section, manager = document.registry, document.kubernetes.container_manager
    if not section.private_registry and (section.namespace_override or section.namespace_rewrite.policy):
        key = "namespaceOverride" if section.namespace_override else "namespaceRewrite"
        message = f"{key} renames projects in a private registry, and none is named: images keep their names."
        hint = "Set privateRegistry, or remove it."
        yield warning("registry.project_unused", f"{_PATH}.{key}", message, hint=hint, found="no privateRegistry")
    elsewhere = [name for name in section.remote_mirrors if name != "docker.io"]
    if manager == "docker" and elsewhere:
        message = f"docker uses mirrors of Docker Hub only; those of {', '.join(elsewhere)} have no effect."
        path = f"{_PATH}.remoteMirrors"
        yield warning("registry.mirrors_of_docker", path, message, hint="containerd uses them.", found=manager)


@rule
def installed_registry(document: Document) -> Iterator[Finding]:
    """A registry that is to be installed is one there is, and has a machine."""
    kind, path = document.registry.type, f"{_PATH}.type"
    machines = topology.members(document, "registry")
    known = [word for word in REGISTRY_TYPES if word]
    if kind not in REGISTRY_TYPES:
        message = f"{shown(kind)} is no registry that can be installed."
        hint, allowed = did_you_mean(kind, known), ", ".join(known)
        yield error("registry.type_unknown", path, message, hint=hint, found=shown(kind), allowed=allowed)
    elif kind and not machines:
        message = f"A registry of type {kind} is asked for, but no machine is in the group registry."
        yield warning("registry.no_machine", path, message, hint="Put a machine into the group, or remove type.")
    elif len(machines) > 1 and kind != "harbor-ha":
        message = "Several machines are in the group registry; only the first gets one."
        yield warning("registry.several", "spec.roleGroups.registry", message, hint="harbor-ha takes several.")


@rule
def logins(document: Document) -> Iterator[Finding]:
    """A password has its user, and a certificate its key."""
    for name, auth in document.registry.auths.items():
        path = f"{_PATH}.auths.{name}"
        if bool(auth.username) != bool(auth.password):
            missing = "password" if auth.username else "username"
            message = f"For {name} there is no {missing}: the login will fail."
            yield warning("registry.login_half", f"{path}.{missing}", message, found="nothing", allowed=missing)
        if bool(auth.cert_file) != bool(auth.key_file):
            missing = "keyFile" if auth.cert_file else "certFile"
            message = f"For {name} there is no {missing}; a client certificate needs both."
            yield error("registry.certificate_half", f"{path}.{missing}", message, found="nothing", allowed=missing)


@rule
def directories(document: Document) -> Iterator[Finding]:
    """Directories are absolute, and docker's bridge has an address."""
    section = document.registry
    for key, text in (
        ("containerdDataDir", section.containerd_data_dir),
        ("dockerDataDir", section.docker_data_dir),
        ("registryDataDir", section.registry_data_dir),
        ("dataRoot", section.data_root),
    ):
        if text and not is_absolute(text):
            message = f"{shown(text)} is no absolute path."
            path = f"{_PATH}.{key}"
            yield error("registry.directory", path, message, found=shown(text), allowed="an absolute path")
    if section.bridge_ip and not _is_interface(section.bridge_ip):
        message = f"{shown(section.bridge_ip)} is no address with its network's length."
        found, path = shown(section.bridge_ip), f"{_PATH}.bridgeIP"
        hint = "Write it like 172.18.0.1/16."
        yield error("registry.bridge_syntax", path, message, hint=hint, found=found, allowed="address/length")


def _is_interface(text: str) -> bool:
    try:
        address = ipaddress.ip_interface(text)
    except ValueError:
        return False
    return "/" in text and address.ip != address.network.network_address

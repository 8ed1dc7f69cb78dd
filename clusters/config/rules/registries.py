"""Rules on the registry section: registries, mirrors, projects and logins."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from clusters.addresses import read_address
from clusters.config import topology
from clusters.config.finding import error, warning
from clusters.config.paths import joined
from clusters.config.rules.registry import rule
from clusters.config.sections.registry import REGISTRY_TYPES, host_of_insecure
from clusters.config.syntax import did_you_mean, is_absolute, is_url, network_of
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_REGISTRY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?(/[a-z0-9._/-]+)?")
_PROJECT = re.compile(r"[a-z0-9]+([._/-]+[a-z0-9]+)*")
_PATH = "spec.registry"


@rule
def registries(document: Document) -> Iterator[Finding]:
    """Registries have the form host[:port], mirrors are URLs."""
    section = document.registry
    named = [(f"{_PATH}.privateRegistry", section.private_registry)] if section.private_registry else []
    repo = document.kubernetes.image_repo
    named += [("spec.kubernetes.imageRepo", repo)] if repo else []
    named += [(joined(f"{_PATH}.auths", text), text) for text in section.auths]
    named += [(joined(f"{_PATH}.remoteMirrors", text), text) for text in section.remote_mirrors]
    for path, text in named:
        if "://" in text:
            hint = "Remove http:// or https://."
            message = "A registry is a host name with an optional port."
            yield error("registry.scheme", path, message, hint=hint, found=excerpt(text), allowed="host or host:port")
        elif not _REGISTRY.fullmatch(text) or read_address(f"//{text}") is None:
            message = f"{excerpt(text)} is not a registry address."
            hint = "Write it like host:5000; ports are 1 to 65535."
            yield error("registry.syntax", path, message, hint=hint, found=excerpt(text), allowed="host or host:port")
    mirrors = [(f"{_PATH}.registryMirrors.{i}", text) for i, text in enumerate(section.registry_mirrors)]
    for name, mirror in section.remote_mirrors.items():
        path = joined(f"{_PATH}.remoteMirrors", name, "endpoint")
        mirrors += [(f"{path}.{i}", text) for i, text in enumerate(mirror.endpoint)]
    for path, text in mirrors:
        if not is_url(text):
            hint = "Write it like https://mirror:5000, without a user."
            yield error("registry.mirror_syntax", path, "A mirror must be a URL.", hint=hint, allowed="a URL")


@rule
def insecure_registries(document: Document) -> Iterator[Finding]:
    """Insecure registries are single hosts, with or without a port."""
    for index, text in enumerate(document.registry.insecure_registries):
        path, host, found = f"{_PATH}.insecureRegistries.{index}", host_of_insecure(text), excerpt(text)
        hint = "Write it like host:5000; ports are 1 to 65535."
        allowed = "host or host:port"
        if "/" in host:
            message = f"{found} is a network; container runtimes here need the name of each registry."
            if network_of(host) is None:
                message = f"{found} has a path; a registry is insecure as a whole."
                hint = f"Write {excerpt(host.partition('/')[0])}."
            yield error("registry.insecure_syntax", path, message, hint=hint, found=found, allowed=allowed)
        elif not _REGISTRY.fullmatch(host) or read_address(f"//{host}") is None:
            message = f"{found} is not a registry address."
            yield error("registry.syntax", path, message, hint=hint, found=found, allowed=allowed)
        elif host != text:
            message = f"Slipway treats {found} as {excerpt(host)}: a container runtime expects no scheme here."
            hint = "Remove http:// or https://, so that other programs read the same."
            yield warning("registry.insecure_scheme", path, message, hint=hint, found=found, allowed=allowed)


@rule
def mirrors_of_docker(document: Document) -> Iterator[Finding]:
    """Docker does not start with a mirror's URL that has a path. Source: dockerd's ValidateMirror."""
    if document.kubernetes.container_manager != "docker":
        return
    section = document.registry
    mirrors = [(f"{_PATH}.registryMirrors.{i}", text) for i, text in enumerate(section.registry_mirrors)]
    hub = section.remote_mirrors.get("docker.io")
    for number, text in enumerate(hub.endpoint if hub else ()):
        mirrors.append((joined(f"{_PATH}.remoteMirrors", "docker.io", "endpoint", number), text))
    for path, text in mirrors:
        place = read_address(text) if is_url(text) else None
        if place is not None and (place.path.strip("/") or place.query):
            message = f"Docker accepts only host and port in a mirror's URL; with {excerpt(text)} it does not start."
            hint = "Give the mirror a separate host name or port, or choose containerd, which supports paths."
            yield error("registry.mirror_path", path, message, hint=hint, allowed=f"{place.scheme}://{place.netloc}")


_NO_PROXY = re.compile(r"[A-Za-z0-9*.:/_\[\]-]{1,253}")


@rule
def proxies(document: Document) -> Iterator[Finding]:
    """The proxy of the container runtime is a URL, and what bypasses it are names, addresses or networks."""
    section = document.registry
    for key, text in (("httpProxy", section.http_proxy), ("httpsProxy", section.https_proxy)):
        if text and (not is_url(text) or set(text) & set("\"'\\ ")):
            hint = "Write it like http://proxy:3128, without a user: other users of the machines could read a password."
            message = "A proxy must be a URL."
            yield error("registry.proxy_syntax", f"{_PATH}.{key}", message, hint=hint, allowed="a URL")
    for number, text in enumerate(section.no_proxy):
        if not _NO_PROXY.fullmatch(text):
            message = f"{excerpt(text)} is not a name, an address or a network."
            path = f"{_PATH}.noProxy.{number}"
            allowed = "like .example.com or 10.0.0.0/8"
            yield error("registry.no_proxy_syntax", path, message, found=excerpt(text), allowed=allowed)


@rule
def projects(document: Document) -> Iterator[Finding]:
    """Project names are valid in image names, and a rename has a target."""
    section = document.registry
    names = [(f"{_PATH}.namespaceOverride", section.namespace_override)]
    rewrite = section.namespace_rewrite
    names += [(f"{_PATH}.namespaceRewrite.dest", rewrite.dest)]
    for path, text in names:
        if text and not _PROJECT.fullmatch(text):
            message = f"{excerpt(text)} is not a valid project name in an image name."
            hint = "Use lower case letters, digits, '-', '_' and '.'."
            yield error(
                "registry.project_syntax", path, message, hint=hint, found=excerpt(text), allowed="like kubesphere"
            )
    path = f"{_PATH}.namespaceRewrite"
    if rewrite.policy not in ("", "changePrefix"):
        message = f"{excerpt(rewrite.policy)} is not a rewrite policy."
        found = excerpt(rewrite.policy)
        yield error("registry.rewrite_policy", f"{path}.policy", message, found=found, allowed="changePrefix")
    elif rewrite.src and not rewrite.dest:
        message = "namespaceRewrite has src but no dest, so the new project name is missing."
        yield error("registry.rewrite_dest", f"{path}.dest", message, found="nothing", allowed="a project")


@rule
def without_effect(document: Document) -> Iterator[Finding]:
    """The chosen registry and runtime support the settings of images and mirrors."""
    section, manager = document.registry, document.kubernetes.container_manager
    if not section.private_registry and (section.namespace_override or section.namespace_rewrite.policy):
        key = "namespaceOverride" if section.namespace_override else "namespaceRewrite"
        message = f"{key} has no effect without a private registry: images keep their names."
        hint = "Set privateRegistry, or remove it."
        yield warning("registry.project_unused", f"{_PATH}.{key}", message, hint=hint, found="no privateRegistry")
    elsewhere = [name for name in section.remote_mirrors if name != "docker.io"]
    if manager == "docker" and elsewhere:
        message = f"docker uses mirrors only for Docker Hub; those of {', '.join(elsewhere)} have no effect."
        path = f"{_PATH}.remoteMirrors"
        yield warning("registry.mirrors_of_docker", path, message, hint="containerd supports them.", found=manager)


@rule
def installed_registry(document: Document) -> Iterator[Finding]:
    """A registry to install is of a known type and has a machine."""
    kind, path = document.registry.type, f"{_PATH}.type"
    machines = topology.members(document, "registry")
    known = [word for word in REGISTRY_TYPES if word]
    if kind not in REGISTRY_TYPES:
        message = f"{excerpt(kind)} is not a known registry type."
        hint, allowed = did_you_mean(kind, known), ", ".join(known)
        yield error("registry.type_unknown", path, message, hint=hint, found=excerpt(kind), allowed=allowed)
    elif kind and not machines:
        message = f"A registry of type {kind} is requested, but no machine is in the group registry."
        yield warning("registry.no_machine", path, message, hint="Put a machine into the group, or remove type.")
    elif len(machines) > 1 and kind != "harbor-ha":
        message = "Several machines are in the group registry, but only the first one is used."
        yield warning("registry.several", "spec.roleGroups.registry", message, hint="harbor-ha supports several.")


@rule
def logins(document: Document) -> Iterator[Finding]:
    """A password has a user, and a certificate has a key."""
    for name, auth in document.registry.auths.items():
        path = joined(f"{_PATH}.auths", name)
        if bool(auth.username) != bool(auth.password):
            missing = "password" if auth.username else "username"
            message = f"{name} has no {missing}: the login will fail."
            yield warning("registry.login_half", f"{path}.{missing}", message, found="nothing", allowed=missing)
        if bool(auth.cert_file) != bool(auth.key_file):
            missing = "keyFile" if auth.cert_file else "certFile"
            message = f"{name} has no {missing}; a client certificate needs both files."
            yield error("registry.certificate_half", f"{path}.{missing}", message, found="nothing", allowed=missing)


@rule
def directories(document: Document) -> Iterator[Finding]:
    """Directories are absolute paths, and docker's bridge has an address."""
    section = document.registry
    for key, text in (
        ("containerdDataDir", section.containerd_data_dir),
        ("dockerDataDir", section.docker_data_dir),
        ("registryDataDir", section.registry_data_dir),
        ("dataRoot", section.data_root),
    ):
        if text and not is_absolute(text):
            message = f"{excerpt(text)} is not an absolute path."
            path = f"{_PATH}.{key}"
            yield error("registry.directory", path, message, found=excerpt(text), allowed="an absolute path")
    if section.bridge_ip and not _is_interface(section.bridge_ip):
        message = f"{excerpt(section.bridge_ip)} is not an address with a prefix length."
        found, path = excerpt(section.bridge_ip), f"{_PATH}.bridgeIP"
        hint = "Write it like 172.18.0.1/16."
        yield error("registry.bridge_syntax", path, message, hint=hint, found=found, allowed="address/length")


def _is_interface(text: str) -> bool:
    try:
        address = ipaddress.ip_interface(text)
    except ValueError:
        return False
    return "/" in text and address.ip != address.network.network_address

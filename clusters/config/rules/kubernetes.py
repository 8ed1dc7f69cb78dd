"""Rules on the kubernetes and metadata sections."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.config import kubernetes_versions, runtimes
from clusters.config.component_settings.proxy_flags import has_a_place
from clusters.config.finding import error, info, warning
from clusters.config.plugins import plugins
from clusters.config.rules.registry import rule
from clusters.config.sections.kubernetes import DISTRIBUTIONS
from clusters.config.syntax import NAME_RULE, address_of, did_you_mean, is_domain, parts_of, tidied
from clusters.config.yaml.tree import excerpt
from clusters.numbers import MOST_DIGITS, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.kubernetes"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")


@rule
def cluster_name(document: Document) -> Iterator[Finding]:
    """The cluster's names have no spaces or special characters, and its domain is a DNS name.

    A name may have capitals and underlines, as in KubeKey: it is in files and a kubeconfig, but never in DNS.
    """
    names = (
        ("cluster.name", "metadata.name", document.name, "sample"),
        ("kubernetes.cluster_name", f"{_PATH}.clusterName", document.kubernetes.cluster_name, "cluster.local"),
        ("kubernetes.dns_domain", f"{_PATH}.dnsDomain", document.kubernetes.dns_domain, "cluster.local"),
    )
    for id, path, text, usual in names:
        if not text:
            message = "The name is missing."
            yield error(f"{id}_missing", path, message, hint=f"{usual} is usual.", found="nothing", allowed=NAME_RULE)
        elif not (is_domain(text) or (id != "kubernetes.dns_domain" and _NAME.fullmatch(text))):
            better = tidied(text)
            meant = f"Did you mean {better}? " if better else ""
            message = f"{excerpt(text)} is not a {'domain name' if id == 'kubernetes.dns_domain' else 'valid name'}."
            hint = f"{meant}{NAME_RULE}"
            yield error(f"{id}_syntax", path, message, hint=hint, found=excerpt(text), allowed=NAME_RULE)


@rule
def version(document: Document) -> Iterator[Finding]:
    """The Kubernetes version exists and can be planned."""
    text, path = document.kubernetes.version, f"{_PATH}.version"
    if not kubernetes_versions.is_known(text):
        message, allowed = kubernetes_versions.why_unknown(text)
        hint = kubernetes_versions.instead_of(text)
        yield error("kubernetes.version_unknown", path, f"{message}.", hint=hint, found=excerpt(text), allowed=allowed)
    elif kubernetes_versions.is_newer_than_the_table(text):
        last = kubernetes_versions.nearest(text)
        message = f"Slipway knows this series up to {last}; it plans {text} like {last}."
        hint = "Slipway finds out whether it was published when it requests its files."
        yield info("kubernetes.version_newer", path, message, hint=hint, found=text)


@rule
def words(document: Document) -> Iterator[Finding]:
    """The container manager and the distribution are known."""
    section = document.kubernetes
    for id, key, text, allowed, message in (
        (
            "container_manager",
            "containerManager",
            section.container_manager,
            runtimes.names(),
            "{} is not a container manager.",
        ),
        ("type", "type", section.type, DISTRIBUTIONS, "{} is not a Kubernetes distribution."),
    ):
        if text not in allowed:
            yield error(
                f"kubernetes.{id}_unknown",
                f"{_PATH}.{key}",
                message.format(excerpt(text)),
                hint=did_you_mean(text, allowed),
                found=excerpt(text),
                allowed=", ".join(allowed),
            )


def most_pods(document: Document) -> tuple[int, str]:
    """The maximum number of pods per node, and its path in the document; an argument takes precedence."""
    section = document.kubernetes
    found, path = section.max_pods, f"{_PATH}.maxPods"
    own = section.kubelet_configuration.get("maxPods")
    if type(own) is int and own > 0:
        found, path = own, f"{_PATH}.kubeletConfiguration.maxPods"
    for index, line in enumerate(section.kubelet_args):
        name, _, value = line.partition("=")
        if name.strip().lstrip("-") == "max-pods" and value.strip().isdecimal():
            number = whole_number(value.strip())
            found, path = 10**MOST_DIGITS if number is None else number, f"{_PATH}.kubeletArgs.{index}"
    return found, path


@rule
def pods_per_node(document: Document) -> Iterator[Finding]:
    """A node's part of the pod network has enough addresses for its pods."""
    mask, (pods, path) = document.kubernetes.node_cidr_mask_size, most_pods(document)
    if not 8 <= mask <= 30:
        message = f"The mask has {mask} bits; allowed: 8 to 30."
        at = f"{_PATH}.nodeCidrMaskSize"
        yield error("kubernetes.mask_range", at, message, hint="24 is usual.", found=str(mask), allowed="8 to 30")
        return
    room = 2 ** (32 - mask) - 2
    allowed = f"1 to {room}"
    if pods < 1:
        message = f"{pods} pods per node; it must be at least 1."
        yield error("kubernetes.max_pods_range", path, message, found=str(pods), allowed=allowed)
    elif pods > room:
        yield error(
            "kubernetes.max_pods_too_many",
            path,
            f"{pods} pods per node, but a /{mask} has only {room} addresses.",
            hint=f"Lower maxPods to {room} or nodeCidrMaskSize to {max(8, 32 - (pods + 1).bit_length())}.",
            found=str(pods),
            allowed=allowed,
        )


@rule
def pods_per_node_in_ipv6(document: Document) -> Iterator[Finding]:
    """With dual stack, a node's part of the IPv6 pod network also has enough addresses."""
    mask, (pods, _) = document.kubernetes.node_cidr_mask_size_ipv6, most_pods(document)
    has_ipv6 = any(":" in part for part in parts_of(document.network.kube_pods_cidr))
    room = 2 ** (128 - mask) - 2 if 1 <= mask <= 127 else 0
    if has_ipv6 and room < pods:
        most = 128 - (pods + 1).bit_length()
        message = f"{pods} pods per node, but a /{mask} does not have enough addresses."
        path = f"{_PATH}.nodeCidrMaskSizeIPv6"
        hint = f"Use {most} or less."
        yield error("kubernetes.mask_ipv6", path, message, hint=hint, found=str(mask), allowed=f"up to {most}")


@rule
def processes_per_pod(document: Document) -> Iterator[Finding]:
    """The process limit is a positive number, or -1 for none. Source: the kubelet's podPidsLimit."""
    limit = document.kubernetes.pod_pids_limit
    if limit < 1 and limit != -1:
        message = f"With a limit of {limit} processes no pod can run."
        path = f"{_PATH}.podPidsLimit"
        hint = "10000 is usual; -1 means no limit."
        yield error("kubernetes.pids_range", path, message, hint=hint, found=str(limit), allowed="-1, or 1 and more")


@rule
def extra_sans(document: Document) -> Iterator[Finding]:
    """Extra names in the API server's certificate are names or addresses."""
    for index, text in enumerate(document.kubernetes.apiserver_cert_extra_sans):
        if address_of(text) is None and not is_domain(text.removeprefix("*.")):
            path = f"{_PATH}.apiserverCertExtraSans.{index}"
            message = f"{excerpt(text)} is neither a domain name nor an IP address."
            yield error("kubernetes.san_syntax", path, message, found=excerpt(text), allowed="a name or an address")


@rule
def arguments(document: Document) -> Iterator[Finding]:
    """Arguments of components are written name=value, each name once."""
    section = document.kubernetes
    for key, items in (
        ("apiserverArgs", section.apiserver_args),
        ("controllerManagerArgs", section.controller_manager_args),
        ("schedulerArgs", section.scheduler_args),
        ("kubeletArgs", section.kubelet_args),
        ("kubeProxyArgs", section.kube_proxy_args),
    ):
        seen: set[str] = set()
        for index, item in enumerate(items):
            name, equals, _ = item.partition("=")
            path = f"{_PATH}.{key}.{index}"
            if not equals or not name.strip("-"):
                hint = "Write it like v=4; a switch like feature=true."
                message = f"An argument in {key} does not have the form name=value."
                yield error("kubernetes.arg_syntax", path, message, hint=hint, allowed="name=value")
            elif name in seen:
                message = f"{name} occurs twice in {key}; only one of them has an effect."
                yield error("kubernetes.arg_duplicate", path, message, found=name, allowed="each name once")
            seen.add(name)


@rule
def proxy_arguments(document: Document) -> Iterator[Finding]:
    """Arguments of kube-proxy have a field in its configuration: with a configuration file, it ignores flags."""
    for index, item in enumerate(document.kubernetes.kube_proxy_args):
        name, equals, value = item.partition("=")
        if equals and name and not has_a_place(name, value):
            path = f"{_PATH}.kubeProxyArgs.{index}"
            message = f"kube-proxy's configuration has no field for {excerpt(item)}; Slipway omits it."
            hint = "Set it in kubeProxyConfiguration, if possible."
            yield warning("kubernetes.proxy_arg_ignored", path, message, hint=hint, found=excerpt(name))


@rule
def runtime_options(document: Document) -> Iterator[Finding]:
    """Kata, NVIDIA's runtime and the socket fit the container manager."""
    section = document.kubernetes
    manager = section.container_manager
    kata = [each.name for each in runtimes.runtimes() if each.kata]
    nvidia = [each.name for each in runtimes.runtimes() if each.nvidia]
    if section.kata.enabled and manager not in kata:
        message = f"Kata containers need {' or '.join(kata)}, found {excerpt(manager)}."
        path = f"{_PATH}.kata.enabled"
        yield error("kubernetes.kata_runtime", path, message, found=excerpt(manager), allowed=", ".join(kata))
    if section.nvidia_runtime and manager not in nvidia:
        message = f"nvidiaRuntime is an option of {' and '.join(nvidia)}, found {excerpt(manager)}."
        path = f"{_PATH}.nvidiaRuntime"
        yield error("kubernetes.nvidia_runtime", path, message, found=excerpt(manager), allowed=", ".join(nvidia))
    socket = section.container_runtime_endpoint
    if socket and not socket.removeprefix("unix://").startswith("/"):
        yield error(
            "kubernetes.runtime_endpoint",
            f"{_PATH}.containerRuntimeEndpoint",
            f"{excerpt(socket)} is not a socket.",
            hint="Write it like unix:///run/containerd/containerd.sock, or remove it.",
            found=excerpt(socket),
            allowed="unix:///…",
        )


@rule(waivable=True)
def somebody_serves_services(document: Document) -> Iterator[Finding]:
    """Without kube-proxy, the network plugin must replace it, and few can."""
    able = [each.name for each in plugins() if each.replaces_kube_proxy]
    if document.kubernetes.disable_kube_proxy and document.network.plugin not in able:
        yield error(
            "kubernetes.no_kube_proxy",
            f"{_PATH}.disableKubeProxy",
            f"kube-proxy is disabled, and {document.network.plugin} does not replace it: no service is reachable.",
            hint=f"Use {' or '.join(able)}, or keep kube-proxy.",
            found=document.network.plugin,
            allowed=", ".join(able),
        )


@rule
def audit_policy(document: Document) -> Iterator[Finding]:
    """A custom audit policy has rules: the API server does not start without any."""
    policy, path = document.kubernetes.audit.policy, f"{_PATH}.audit.policy"
    rules = policy.get("rules")
    if policy and not (isinstance(rules, list | tuple) and rules):
        message = "An audit policy needs at least one rule."
        hint = "Add rules, like {level: Metadata}; or remove the policy to use Slipway's."
        yield error("kubernetes.audit_policy", path, message, hint=hint, found="no rules", allowed="a list of rules")

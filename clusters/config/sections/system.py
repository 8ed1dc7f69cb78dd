"""The `system`, `dns` and `addons` sections. Source: the types of KubeKey 1.0 to 3.1."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from clusters.config.keys import Model, Names, OneOrMany, Text, key


class CustomScript(Model):
    """Custom commands that run on machines."""

    name: Text = key("", "Its name in the log.", since="3.0")
    bash: Text = key("", "The commands.", since="3.0", lines=True)
    role: Text = key("", "The role group it runs on; all machines if empty.", since="3.1.2")
    materials: Names = key(
        (), "Files copied with it: data:NAME;base64,…, or paths that `cluster create` reads.", since="3.0"
    )


class System(Model):
    """Settings of the operating system."""

    ntp_servers: Names = key(
        (), "Time servers: addresses, names, or a machine of the cluster.", since="2.0", v4="native.ntp.servers"
    )
    timezone: Text = key("", "Like Europe/Berlin; unchanged if empty.", since="2.0", v4="native.timezone")
    rpms: Names = key((), "Additional packages on systems with rpm.", since="2.3")
    debs: Names = key((), "Additional packages on systems with dpkg.", since="2.3")
    pre_install: tuple[CustomScript, ...] = key((), "Before everything else.", since="3.0")
    post_install: tuple[CustomScript, ...] = key((), "After everything else.", since="3.0")
    post_cluster_install: tuple[CustomScript, ...] = key((), "After Kubernetes, before addons.", since="3.1.2")
    skip_configure_os: bool = key(
        False, "Do not change the operating system's settings.", alias="skipConfigureOS", since="3.0.7"
    )


class ExternalZone(Model):
    """Domains that other DNS servers resolve."""

    zones: Names = key((), "Domains.", since="3.1")
    nameservers: Names = key((), "Their servers.", since="3.1")
    cache: int = key(0, "Seconds to cache an answer.", since="3.1")
    rewrite: Names = key((), "CoreDNS rewrite rules.", since="3.1")


class CoreDns(Model):
    """Settings of CoreDNS beyond the cluster's names."""

    additional_configs: Text = key("", "Text for the Corefile.", since="3.1", lines=True)
    external_zones: tuple[ExternalZone, ...] = key((), "Zones with separate servers.", since="3.1")
    rewrite_block: Text = key("", "CoreDNS rewrite rules for all names.", since="3.1", lines=True)
    upstream_dns_servers: Names = key((), "Servers for all other names.", alias="upstreamDNSServers", since="3.1")


class NodeLocalDns(Model):
    """Settings of the DNS cache on the nodes beyond the cluster's names."""

    external_zones: tuple[ExternalZone, ...] = key((), "Zones with separate servers.", since="3.1")


class Dns(Model):
    """DNS in the cluster and on its machines."""

    dns_etc_hosts: Text = key("", "Lines in /etc/hosts format that CoreDNS serves.", since="3.1", lines=True)
    node_etc_hosts: Text = key("", "Lines for every machine's /etc/hosts.", since="3.1.2", lines=True)
    coredns: CoreDns = key(CoreDns(), "CoreDNS.", since="3.1")
    nodelocaldns: NodeLocalDns = key(NodeLocalDns(), "The cache on the nodes.", since="3.1")


class Chart(Model):
    """A Helm chart."""

    name: Text = key("", "The chart's name.")
    repo: Text = key("", "Its repository's URL.")
    path: Text = key("", "Its directory or archive on the installer's machine, instead of a repository.")
    version: Text = key("", "The newest if empty.", since="1.0.1")
    values_file: Text = key("", "A values file.", since="1.1", lines=True)
    values: OneOrMany = key((), "As for --set; in KubeKey 1.0 also the path of a values file.", lines=True)
    wait: bool = key(False, "Wait until it is ready.", since="3.1")

    @model_validator(mode="before")
    @classmethod
    def _file_of_1_0(cls, data: dict[str, Any]) -> dict[str, Any]:
        """For KubeKey 1.0, a text in `values` is a file; 1.1 and later require a list and have valuesFile for it."""
        values = data.get("values")
        if not isinstance(values, str):
            return data
        if data.get("valuesFile") or not values:
            return {**data, "values": (values,) if values else ()}
        return {**data, "values": (), "valuesFile": values}


class Manifests(Model):
    """YAML to apply."""

    path: Names = key((), "Files or URLs.")
    values: dict[str, Any] = key({}, "Values, if the manifests are templates.", since="3.1.8")


class AddonSources(Model):
    """The contents of an addon."""

    chart: Chart = key(Chart(), "A Helm chart.")
    yaml: Manifests = key(Manifests(), "Manifests.")


class Addon(Model):
    """Software to install in the finished cluster."""

    name: Text = key("", "Its name, and that of its Helm release.")
    namespace: Text = key("default", "The namespace to install it in.")
    pre_install: tuple[CustomScript, ...] = key((), "Before it.", since="3.1.2")
    post_install: tuple[CustomScript, ...] = key((), "After it.", since="3.1.2")
    sources: AddonSources = key(AddonSources(), "Its contents.")
    retries: int = key(0, "Number of retries.")
    delay: int = key(0, "Seconds between retries.")

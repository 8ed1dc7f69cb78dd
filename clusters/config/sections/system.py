"""The `system`, `dns`, `storage` and `addons` sections. Source: the types of KubeKey 1.0 to 3.1."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from clusters.config.keys import Model, Names, OneOrMany, Text, key


class CustomScript(Model):
    """Commands of the user's own, run on machines."""

    name: Text = key("", "What it is called in the log.", since="3.0")
    bash: Text = key("", "The commands.", since="3.0", lines=True)
    role: Text = key("", "The role group it runs on; all machines when empty.", since="3.1.2")
    materials: Names = key(
        (), "Files that are copied beside it: data:NAME;base64,…, or paths that `cluster create` reads.", since="3.0"
    )


class System(Model):
    """What is done to the operating system."""

    ntp_servers: Names = key(
        (), "Time servers: addresses, names, or a machine of the cluster.", since="2.0", v4="native.ntp.servers"
    )
    timezone: Text = key("", "Like Europe/Berlin; unchanged when empty.", since="2.0", v4="native.timezone")
    rpms: Names = key((), "More packages where rpm is used.", since="2.3")
    debs: Names = key((), "More packages where dpkg is used.", since="2.3")
    pre_install: tuple[CustomScript, ...] = key((), "Before everything else.", since="3.0")
    post_install: tuple[CustomScript, ...] = key((), "After everything else.", since="3.0")
    post_cluster_install: tuple[CustomScript, ...] = key((), "After Kubernetes, before addons.", since="3.1.2")
    skip_configure_os: bool = key(
        False, "Leave the operating system's settings alone.", alias="skipConfigureOS", since="3.0.7"
    )


class ExternalZone(Model):
    """Names that other DNS servers answer for."""

    zones: Names = key((), "Domains.", since="3.1")
    nameservers: Names = key((), "Their servers.", since="3.1")
    cache: int = key(0, "Seconds an answer is remembered.", since="3.1")
    rewrite: Names = key((), "CoreDNS rewrite rules.", since="3.1")


class CoreDns(Model):
    """What CoreDNS does beyond the cluster's own names."""

    additional_configs: Text = key("", "Text for the Corefile.", since="3.1", lines=True)
    external_zones: tuple[ExternalZone, ...] = key((), "Zones with servers of their own.", since="3.1")
    rewrite_block: Text = key("", "CoreDNS rewrite rules for all names.", since="3.1", lines=True)
    upstream_dns_servers: Names = key((), "Servers for all other names.", alias="upstreamDNSServers", since="3.1")


class NodeLocalDns(Model):
    """What the DNS cache on the nodes does beyond the cluster's own names."""

    external_zones: tuple[ExternalZone, ...] = key((), "Zones with servers of their own.", since="3.1")


class Dns(Model):
    """Names in the cluster and on its machines."""

    dns_etc_hosts: Text = key("", "Lines as in /etc/hosts that CoreDNS serves.", since="3.1", lines=True)
    node_etc_hosts: Text = key("", "Lines for every machine's /etc/hosts.", since="3.1.2", lines=True)
    coredns: CoreDns = key(CoreDns(), "CoreDNS.", since="3.1")
    nodelocaldns: NodeLocalDns = key(NodeLocalDns(), "The cache on the nodes.", since="3.1")


class OpenEbs(Model):
    """OpenEBS's local volumes."""

    base_path: Text = key(
        "/var/openebs/local", "Directory of the volumes on each node.", since="3.0", v4="storage_class.local.path"
    )


class Storage(Model):
    """Where volumes come from."""

    openebs: OpenEbs = key(OpenEbs(), "Local volumes.", since="3.0")


class Chart(Model):
    """A Helm chart."""

    name: Text = key("", "The chart's name.")
    repo: Text = key("", "Its repository's URL.")
    path: Text = key("", "Its directory or archive on the installer's machine, instead of a repository.")
    version: Text = key("", "The newest when empty.", since="1.0.1")
    values_file: Text = key("", "A values file.", since="1.1", lines=True)
    values: OneOrMany = key((), "As --set takes them; in KubeKey 1.0 also a values file's path.", lines=True)
    wait: bool = key(False, "Wait until it is ready.", since="3.1")

    @model_validator(mode="before")
    @classmethod
    def _file_of_1_0(cls, data: dict[str, Any]) -> dict[str, Any]:
        """A text in `values` is a file to KubeKey 1.0; 1.1 and later want a list, and call the file valuesFile."""
        values = data.get("values")
        if not isinstance(values, str):
            return data
        if data.get("valuesFile") or not values:
            return {**data, "values": (values,) if values else ()}
        return {**data, "values": (), "valuesFile": values}


class Manifests(Model):
    """YAML that is applied."""

    path: Names = key((), "Files or URLs.")
    values: dict[str, Any] = key({}, "The manifests are templates, and these are their values.", since="3.1.8")


class AddonSources(Model):
    """What an addon consists of."""

    chart: Chart = key(Chart(), "A Helm chart.")
    yaml: Manifests = key(Manifests(), "Manifests.")


class Addon(Model):
    """Something that is installed into the finished cluster."""

    name: Text = key("", "Its name, and its Helm release's.")
    namespace: Text = key("default", "Where it is installed.")
    pre_install: tuple[CustomScript, ...] = key((), "Before it.", since="3.1.2")
    post_install: tuple[CustomScript, ...] = key((), "After it.", since="3.1.2")
    sources: AddonSources = key(AddonSources(), "What it consists of.")
    retries: int = key(0, "How often it is tried again.")
    delay: int = key(0, "Seconds before it is tried again.")

"""kubernetes/binaries, kubernetes/kubelet: kubeadm, kubelet, kubectl, and kubelet's service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog import runtimes
from clusters.catalog.components import artifact
from clusters.catalog.kubeadm.dialect import parsed
from clusters.catalog.lines import one_line
from clusters.catalog.paths import BIN
from clusters.catalog.resolvers import configured_resolv_conf, resolv_conf_of
from clusters.config.kubernetes_versions import parse_version
from clusters.config.topology import is_dual_stack
from clusters.engine.artifacts import binary
from clusters.engine.step import step
from clusters.engine.wants import command, file
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

UNIT = "/etc/systemd/system/kubelet.service"
DROP_IN = "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"
EXTRA = "/etc/default/kubelet"
WITHOUT_AMAZON = 27
"""The minor version from which kubelet no longer supports Amazon. Before, it asks Amazon's metadata service for a login
at each start, and waits 6 s or more without an answer. Source: kubelet's log; ec2metadata of aws-sdk-go."""


@step("kubernetes/binaries", on="kubernetes", needs=("os/claim",), timeout=900, expected=5)
def binaries(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Install kubeadm, kubelet and kubectl"""
    for name in ("kubeadm", "kubelet", "kubectl"):
        yield binary(artifact(machine, cluster, "kubernetes", name), f"{BIN}/{name}")


@step("kubernetes/kubelet", on="kubernetes", needs=("kubernetes/binaries", *runtimes.STEPS), expected=1)
def kubelet(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Set up kubelet's service for kubeadm"""
    yield file(UNIT, UNIT_TEXT)
    kubernetes = cluster.document.kubernetes
    quiet = parse_version(kubernetes.version).minor < WITHOUT_AMAZON and is_no_amazon(machine)
    yield file(DROP_IN, drop_in(kubernetes.kubelet_args, quiet=quiet))
    yield file(EXTRA, extra_arguments(machine, cluster))
    yield command(
        "kubelet starts at boot",
        sh("systemctl daemon-reload && systemctl enable kubelet"),
        unless=sh(
            "systemctl is-enabled --quiet kubelet && test $(systemctl show -p NeedDaemonReload --value kubelet) = no"
        ),
    )


def extra_arguments(machine: Machine, cluster: Cluster) -> str:
    """The arguments that differ between machines; kubelet prefers them to the configuration of the whole cluster."""
    document = cluster.document
    words = [f"--node-ip={node_ip(machine, cluster)}", f"--hostname-override={machine.name}"]
    if configured_resolv_conf(document) is None:
        words.append(f"--resolv-conf={resolv_conf_of(machine.facts, document)}")
    return f"# Written by Slipway.\nKUBELET_EXTRA_ARGS={' '.join(words)}\n"


def node_ip(machine: Machine, cluster: Cluster) -> str:
    """The node's address, or both addresses where pods have two."""
    return ",".join(machine.addresses) if is_dual_stack(cluster.document) else machine.address


UNIT_TEXT = f"""# Written by Slipway; changes are overwritten by its next run.
[Unit]
Description=kubelet: the Kubernetes node agent
After={" ".join(runtimes.SERVICES)} network-online.target
Wants=network-online.target

[Service]
ExecStart={BIN}/kubelet
Restart=always
StartLimitInterval=0
RestartSec=5

[Install]
WantedBy=multi-user.target
"""


def is_no_amazon(machine: Machine) -> bool:
    """Whether the machine certainly does not run at Amazon. Source of the names: AWS, "Detect whether a host is an EC2
    instance"; product_uuid may start with something else there, too."""
    facts = machine.facts
    return "amazon" not in f"{facts.vendor} {facts.virtualization}".lower() and not facts.product_uuid.startswith("ec2")


def drop_in(arguments: tuple[str, ...], *, quiet: bool = False) -> str:
    """The settings that kubeadm expects of the service (source: kubeadm's packages), with `kubeletArgs` at the end,
    where they override kubeadm's and our arguments, and kubelet's configuration.

    `quiet`: kubelet does not ask for Amazon's logins.
    """
    own = "".join(f" {quoted(f'--{name}={value}')}" for name, value in parsed(arguments).items())
    setting = "Environment=AWS_EC2_METADATA_DISABLED=true\n" if quiet else ""
    return f"""# Written by Slipway; changes are overwritten by its next run.
[Service]
{setting}\
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf \
--kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart={BIN}/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS\
{own}
"""


def quoted(word: str) -> str:
    """One word of a command line in a systemd unit. Source: systemd.service, "Command lines".

    Raises ConfigError for text of more than one line.
    """
    whole = one_line(word, "An argument of kubelet")
    escaped = whole.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'

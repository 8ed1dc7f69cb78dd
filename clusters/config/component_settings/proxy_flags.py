"""kube-proxy's flags as fields of its configuration: with a configuration file, it ignores most flags.

Source: the flags that `AddFlags` of kube-proxy declares (cmd/kube-proxy/app) and the fields they fill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.numbers import signed_number

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXTS = {
    "bind-address": "bindAddress",
    "cluster-cidr": "clusterCIDR",
    "config-sync-period": "configSyncPeriod",
    "conntrack-tcp-timeout-close-wait": "conntrack.tcpCloseWaitTimeout",
    "conntrack-tcp-timeout-established": "conntrack.tcpEstablishedTimeout",
    "detect-local-mode": "detectLocalMode",
    "healthz-bind-address": "healthzBindAddress",
    "hostname-override": "hostnameOverride",
    "iptables-min-sync-period": "iptables.minSyncPeriod",
    "iptables-sync-period": "iptables.syncPeriod",
    "ipvs-min-sync-period": "ipvs.minSyncPeriod",
    "ipvs-scheduler": "ipvs.scheduler",
    "ipvs-sync-period": "ipvs.syncPeriod",
    "ipvs-tcp-timeout": "ipvs.tcpTimeout",
    "ipvs-tcpfin-timeout": "ipvs.tcpFinTimeout",
    "ipvs-udp-timeout": "ipvs.udpTimeout",
    "kube-api-content-type": "clientConnection.contentType",
    "metrics-bind-address": "metricsBindAddress",
    "proxy-mode": "mode",
    "proxy-port-range": "portRange",
    "show-hidden-metrics-for-version": "showHiddenMetricsForVersion",
}
_NUMBERS = {
    "conntrack-max-per-core": "conntrack.maxPerCore",
    "conntrack-min": "conntrack.min",
    "iptables-masquerade-bit": "iptables.masqueradeBit",
    "kube-api-burst": "clientConnection.burst",
    "kube-api-qps": "clientConnection.qps",
    "oom-score-adj": "oomScoreAdj",
}
_SWITCHES = {
    "bind-address-hard-fail": "bindAddressHardFail",
    "ipvs-strict-arp": "ipvs.strictARP",
    "masquerade-all": "iptables.masqueradeAll",
    "profiling": "enableProfiling",
}
_LISTS = {"ipvs-exclude-cidrs": "ipvs.excludeCIDRs", "nodeport-addresses": "nodePortAddresses"}


def has_a_place(name: str, value: str) -> bool:
    """Whether kube-proxy's configuration has a field for this flag and value."""
    if name in _NUMBERS:
        return signed_number(value) is not None
    if name in _SWITCHES:
        return value.lower() in ("true", "false")
    return name in _TEXTS or name in _LISTS or name == "feature-gates"


def as_configuration(flags: Mapping[str, str]) -> dict[str, Any]:
    """The flags as kube-proxy's configuration; flags without a field are omitted (a rule reports them)."""
    found: dict[str, Any] = {}
    for name, value in flags.items():
        if not has_a_place(name, value):
            continue
        if name == "feature-gates":
            gates = (each.partition("=") for each in value.split(",") if each)
            found["featureGates"] = {gate.strip(): on.strip().lower() == "true" for gate, _, on in gates}
        elif name in _NUMBERS:
            _put(found, _NUMBERS[name], signed_number(value))
        elif name in _SWITCHES:
            _put(found, _SWITCHES[name], value.lower() == "true")
        elif name in _LISTS:
            _put(found, _LISTS[name], [each.strip() for each in value.split(",") if each.strip()])
        else:
            _put(found, _TEXTS[name], value)
    return found


def _put(whole: dict[str, Any], path: str, value: Any) -> None:
    section, dot, name = path.rpartition(".")
    (whole.setdefault(section, {}) if dot else whole)[name] = value

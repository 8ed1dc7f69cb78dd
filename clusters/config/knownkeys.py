"""Keys KubeKey knows and Slipway keeps without acting on them yet, so that nobody is told they are misspelt."""

from __future__ import annotations

_KEPT = {
    "spec": "system dns storage addons",
    "spec.controlPlaneEndpoint": "externalDNS kubevip",
    "spec.kubernetes": """
        type imageRepo disableKubeProxy podPidsLimit nodeCidrMaskSizeIPv6 autoRenewCerts nodelocaldns
        containerRuntimeEndpoint nodeFeatureDiscovery kata apiserverArgs controllerManagerArgs schedulerArgs
        kubeletArgs kubeProxyArgs featureGates kubeletConfiguration kubeProxyConfiguration audit nvidiaRuntime
        etcdBackupDir etcdBackupPeriod keepBackupNumber etcdBackupScript""",
    "spec.etcd": """
        external extraArgs backupDir backupPeriod keepBackupNumber backupScript heartbeatInterval electionTimeout
        snapshotCount autoCompactionRetention metrics logLevel quotaBackendBytes maxRequestBytes maxSnapshots
        maxWals""",
    "spec.network": "calico flannel cilium kubeovn hybridnet multusCNI multus",
    "spec.registry": """
        type auths bridgeIP containerdDataDir dockerDataDir registryDataDir dataRoot plainHTTP namespaceRewrite
        remoteMirrors""",
}

KEPT: dict[str, frozenset[str]] = {section: frozenset(keys.split()) for section, keys in _KEPT.items()}
"""Section -> keys. Source: the types of KubeKey 1.0 to 3.1."""

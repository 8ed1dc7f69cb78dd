"""Flags that the kubelet no longer has, or does not have yet: it prints "unknown flag" and does not start.

Sources: `kubelet --FLAG=1` of 1.36.3 and 1.37.2 for each flag in `--help` of 1.20.2 and 1.36.3. Flags
without a changelog entry are listed with the first tested minor, so nothing is claimed about earlier minors.
"""

from __future__ import annotations

_GONE = {
    31: "iptables-drop-bit iptables-masquerade-bit",
    32: "keep-terminated-pod-volumes",
    34: "cloud-config",
    35: "pod-infra-container-image",
    36: "add-dir-header alsologtostderr chaos-chance cni-bin-dir cni-cache-dir cni-conf-dir container-runtime docker "
    "docker-env-metadata-whitelist docker-only docker-root docker-tls docker-tls-ca docker-tls-cert docker-tls-key "
    "dynamic-config-dir enable-cadvisor-json-endpoints experimental-bootstrap-kubeconfig "
    "experimental-logging-sanitization image-pull-progress-deadline log-backtrace-at log-dir log-file "
    "log-file-max-size logtostderr master-service-namespace network-plugin network-plugin-mtu non-masquerade-cidr "
    "one-output really-crash-for-testing redirect-container-streaming register-schedulable seccomp-profile-root "
    "skip-headers skip-log-headers stderrthreshold",
    37: "application-metrics-count-limit boot-id-file container-hints containerd containerd-namespace docker-endpoint "
    "enable-load-reader event-storage-age-limit event-storage-event-limit experimental-kernel-memcg-notification "
    "global-housekeeping-interval log-cadvisor-usage machine-id-file storage-driver-buffer-duration "
    "storage-driver-db storage-driver-host storage-driver-password storage-driver-secure storage-driver-table "
    "storage-driver-user",
}
_CAME = {
    21: "config-dir cpu-manager-policy-options local-storage-capacity-isolation log-json-info-buffer-size "
    "log-json-split-stream log-text-info-buffer-size log-text-split-stream memory-manager-policy reserved-memory "
    "seccomp-default topology-manager-policy-options",
    31: "fail-cgroupv1",
}

GONE = {flag: minor for minor, flags in _GONE.items() for flag in flags.split()}
"""Flag -> a minor that no longer has it; later ones do not have it either."""
CAME = {flag: minor for minor, flags in _CAME.items() for flag in flags.split()}
"""Flag -> the first minor that may have it; 1.20 has none of them."""

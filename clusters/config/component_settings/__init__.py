"""The settings of kubelet, kube-proxy, etcd and feature gates, by version."""

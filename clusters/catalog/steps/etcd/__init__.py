"""etcd as a TLS service of systemd."""

"""One authenticated SSH connection: TCP, algorithms, jump hosts, limits."""

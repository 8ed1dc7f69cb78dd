"""The container runtime and what it needs."""

"""The container runtime and its programs."""

"""Machines fail while the cluster is in use; the effect on its clients is measured."""

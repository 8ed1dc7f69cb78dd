"""Machines die while the cluster is in use; what its clients notice of it is measured."""

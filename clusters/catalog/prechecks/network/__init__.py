"""Prechecks of the network between and on machines."""

"""Checking that the cluster works, and handing it over."""

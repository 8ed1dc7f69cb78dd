"""Upstream's conformance tests as the judge of a cluster that Slipway installed."""

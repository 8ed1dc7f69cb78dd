"""Executing runs: the worker, the sink, the doorbell, and the borders to engine and machines."""

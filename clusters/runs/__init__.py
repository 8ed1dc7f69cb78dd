"""Carrying out runs: the worker that claims them, the sink that stores events, the doorbell that tells watchers."""

"""Carrying out runs: the worker that claims them, the sink that stores their events, the doorbell that tells watchers."""

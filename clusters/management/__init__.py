"""Slipway's verbs on the command line."""

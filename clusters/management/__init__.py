"""Slipway's commands."""

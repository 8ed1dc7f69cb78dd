"""Attacks on the promises in docs/security.md."""

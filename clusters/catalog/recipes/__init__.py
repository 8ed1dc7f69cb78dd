"""Undertakings, one file each: which phases they have."""

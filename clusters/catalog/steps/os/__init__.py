"""Preparing the operating system."""

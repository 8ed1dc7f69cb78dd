"""Tests of the prechecks of networks."""

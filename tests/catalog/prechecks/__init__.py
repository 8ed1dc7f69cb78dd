"""Tests of prechecks that need more than one row of a table."""

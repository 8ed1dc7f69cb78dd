"""Tests of prechecks, a file for each module of prechecks."""

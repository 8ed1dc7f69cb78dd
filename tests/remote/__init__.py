"""Tests of clusters.remote."""

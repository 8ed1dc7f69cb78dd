"""Tests of promises about security: what a text or a machine may send without harm."""

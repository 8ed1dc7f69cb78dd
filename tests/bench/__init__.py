"""Measurements: each file has `rows()`, which gives (what, measured, must, kept) for every promise it looks at."""

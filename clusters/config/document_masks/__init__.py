"""Secrets of a document replaced by masks, and put back when the text returns."""

"""Thin web code: views, the run socket, urls, template tags."""

"""The Django project for the clusters app: settings, urls, ASGI entry point."""

__version__ = "0.1.0"

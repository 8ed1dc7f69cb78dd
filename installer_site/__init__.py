"""The Django project around the clusters app: settings, urls, ASGI entry point."""

"""Headers of static files, which are served before Django's middleware could add them."""

from __future__ import annotations

from typing import Any

from django.conf import settings


def add_security_headers(headers: Any, path: str, url: str) -> None:
    """Add the headers that Django's SecurityMiddleware adds to pages; servestatic calls it for each file."""
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = settings.SECURE_REFERRER_POLICY
    headers["Cross-Origin-Opener-Policy"] = settings.SECURE_CROSS_ORIGIN_OPENER_POLICY

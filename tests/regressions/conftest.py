"""A machine to log in to, the pages as a process, and a browser."""

from __future__ import annotations

from tests.browser import browser
from tests.sshd import sshd
from tests.web.runpage import page, pages

__all__ = ["browser", "page", "pages", "sshd"]

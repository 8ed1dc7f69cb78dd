"""The locations of Slipway's files and its command line, in a checkout and as an installed package."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Final

# The folder of the checkout; the folder of all packages (site-packages) when Slipway is installed.
BASE_DIR: Final = Path(__file__).resolve().parent.parent
# Only a wheel has this folder: pyproject.toml puts the top-level templates/ and static/ into it.
_SHIPPED: Final = BASE_DIR / "installer_site" / "shipped"
IS_INSTALLED: Final = _SHIPPED.is_dir()
# Where templates/ and static/ are.
PAGES_DIR: Final = _SHIPPED if IS_INSTALLED else BASE_DIR


def default_data_dir() -> Path:
    """The data directory when SLIPWAY_DATA_DIR is not set; never inside installed packages."""
    if not IS_INSTALLED:
        return BASE_DIR / "var"
    # The XDG base directory specification ignores relative paths.
    data_home = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data_home) if data_home.startswith("/") else Path("~/.local/share")) / "slipway"


def command_line(words: str) -> str:
    """The command line to run a command: `slipway work`, or `.venv/bin/python manage.py work` in a checkout."""
    if IS_INSTALLED:
        return f"slipway {words}"
    python = Path(sys.executable)
    if python.is_relative_to(BASE_DIR):
        python = python.relative_to(BASE_DIR)
    return f"{shlex.quote(str(python))} manage.py {words}"

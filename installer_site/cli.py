"""The `slipway` command of the installed package; developers use `manage.py`, which does the same in a checkout."""

from __future__ import annotations

import os
import sys

from installer_site import __version__


def main() -> None:
    """Hand the command line to Django."""
    if sys.argv[1:] in (["--version"], ["version"]):
        sys.stdout.write(f"slipway {__version__}\n")  # Django would print its own
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "installer_site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

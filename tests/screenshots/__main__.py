"""Take every picture for the documentation: `make screenshots`, or `python -m tests.screenshots [NAME…]` for some.

It uses a separate data directory, invented clusters, the real server and Chromium; it replaces existing pictures.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import django

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "screenshots"
WIDE, NARROW, HIGHEST = 1280, 390, 1500
PINNED = """
for (const box of document.querySelectorAll(".log-scroll, .grid-scroll")) {
  box.style.maxHeight = box.style.height = `${box.offsetHeight}px`;
}
"""
"""Parts whose height follows the window's keep the height of a usual window."""

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.screenshots.example import Examples
    from tests.screenshots.shots import Shot
    from tests.web.site import Site


def main(wanted: list[str]) -> int:
    """Pictures of the named pages, or of all; 2 for an unknown page."""
    with tempfile.TemporaryDirectory(prefix="slipway-screenshots-") as place:
        os.environ |= {"SLIPWAY_DATA_DIR": place, "SLIPWAY_LOG_LEVEL": "ERROR", "SLIPWAY_PRACTICE_FILE": ""}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "installer_site.settings")
        # Playwright's loop runs in this thread; Django would treat that as asynchronous code.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        django.setup()
        return _take(wanted)


def _take(wanted: list[str]) -> int:
    from django.core.management import call_command

    from tests.bench.log_measured import chromium
    from tests.screenshots.example import make_examples
    from tests.screenshots.shots import shots
    from tests.web.site import session_of, site

    call_command("migrate", verbosity=0)
    examples = make_examples()
    every = list(shots(examples))
    chosen = [shot for shot in every if not wanted or shot.name in wanted]
    if len(chosen) < len(wanted):
        print(f"There are pictures of {', '.join(shot.name for shot in every)}.")
        return 2
    PICTURES.mkdir(parents=True, exist_ok=True)
    if not wanted:
        for old in PICTURES.glob("*.png"):
            old.unlink()
    with site() as pages, chromium() as browser:
        for shot in chosen:
            _picture(browser, pages, shot, examples, session_of(examples.owner))
    (PICTURES / "README.md").write_text(_table(every))
    total = sum(path.stat().st_size for path in PICTURES.glob("*.png"))
    print(f"{len(list(PICTURES.glob('*.png')))} pictures, {total / 1e6:.1f} MB")
    return 0


def _picture(browser: Browser, pages: Site, shot: Shot, examples: Examples, session: str) -> None:
    """In light and dark, and at the narrow width where requested."""
    from tests.screenshots.palette import smaller

    looks = [("light", WIDE), ("dark", WIDE)] + ([("light", NARROW)] if shot.narrow else [])
    for theme, width in looks:
        with browser.new_context(
            base_url=pages.url, viewport={"width": width, "height": 900 if width == WIDE else 844},
            color_scheme="dark" if theme == "dark" else "light", timezone_id="UTC", reduced_motion="reduce",
        ) as context:  # fmt: skip
            if shot.signed_in:
                context.add_cookies([{"name": "sessionid", "value": session, "url": pages.url}])
            page = context.new_page()
            shot.before(examples)
            page.goto(shot.address)
            shot.deed(page, examples)
            page.wait_for_load_state("networkidle")
            page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
            page.evaluate(PINNED)
            # Not `full_page`: what Chromium does for it sends scrolled boxes back to their top.
            page.set_viewport_size({"width": width, "height": _height(page, width)})
            page.wait_for_timeout(200)
            png = page.screenshot()
            name = f"{shot.name}-{theme if width == WIDE else width}.png"
            (PICTURES / name).write_bytes(smaller(page, png))
            print(name, flush=True)


def _height(page: Page, width: int) -> int:
    """The height of the whole page, up to a limit."""
    height = int(page.evaluate("document.documentElement.scrollHeight"))
    return max(600, min(height, HIGHEST if width == WIDE else 2 * HIGHEST))


def _table(every: list[Shot]) -> str:
    """All pictures in a table, for the documentation."""
    lines = [
        "# Pictures of every page",
        "",
        "`make screenshots` writes this page. The clusters are invented; their addresses are reserved for examples.",
        "",
        "| page | light | dark | 390 px |",
        "| --- | --- | --- | --- |",
    ]
    for shot in every:
        narrow = f'<img src="{shot.name}-390.png" width="120" alt="">' if shot.narrow else ""
        cells = [f'<img src="{shot.name}-{theme}.png" width="300" alt="">' for theme in ("light", "dark")]
        lines.append(f"| {shot.words} | {cells[0]} | {cells[1]} | {narrow} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

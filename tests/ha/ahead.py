"""Clusters for outage tests; the next one is installed while tests of the one before measure nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.ha.installed import install

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future
    from pathlib import Path

    from tests.ha.installed import Installed
    from tests.ha.layouts import Layout
    from tests.lab.lab import Lab

UNMEASURED = "unmeasured"
"""The marker of tests that measure nothing. They are last in their files, so that an installation beside them does not
run beside tests that measure."""
FILES = ("test_proxies", "test_shared_address", "test_stacked_etcd", "test_etcd_apart")
"""The files of outage tests, in the order that makes this possible."""


class Ahead:
    """Installs on two sets of machines in turn: one is in use, or was, and the other is for the next layout."""

    def __init__(self, labs: tuple[Lab, Lab], bundle: Path, place: Callable[[str], Path]) -> None:
        # The set in use (or being installed), and the other one.
        self._labs = list(labs)
        self._bundle = bundle
        self._place = place
        self._begun: dict[str, Future[Installed]] = {}
        self._pool = ThreadPoolExecutor(1, "install-ahead")

    def begin(self, layout: Layout) -> None:
        """Start to install this layout, unless that has started; returns immediately."""
        if layout.name not in self._begun:
            self._labs.reverse()
            work = (self._labs[0], layout, self._bundle, self._place(layout.name))
            self._begun[layout.name] = self._pool.submit(install, *work)

    def cluster(self, layout: Layout) -> Installed:
        """The installed layout, alone on this machine: the hosts of the previous one are removed first."""
        self.begin(layout)
        self._labs[1].down()
        installed = self._begun[layout.name].result()
        installed.wait_until_api_servers_are_ready()
        return installed

    def end(self) -> None:
        """Wait for installations in progress, and remove all machines."""
        self._pool.shutdown()
        for lab in self._labs:
            lab.down()


def in_order(item: pytest.Item) -> int:
    """The position of a test's file; files without outages come first, in their own order."""
    return FILES.index(item.path.stem) if item.path.stem in FILES else -1


def comes_next(item: pytest.Item, items: Iterable[pytest.Item]) -> Layout | None:
    """The layout that tests after this one INSTALL, in another file."""
    later = list(items)[list(items).index(item) :]
    installed = [
        getattr(each.module, "INSTALLS", None)
        for each in later
        if isinstance(each, pytest.Function) and each.path != item.path
    ]
    return next((layout for layout in installed if layout is not None), None)

"""The lab as a whole: hosts that start, lose power or network, restart with fresh disks, and are removed completely."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab import (
    bundle,
    bundle_1_20,
    cgroups,
    conformance,
    hosts,
    network,
    networks,
    packages,
    progress,
    recipe,
    registry,
    rootfs,
)
from tests.lab.commands import LabError
from tests.lab.hosts import LabHost, Machine
from tests.lab.network import Network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_HOSTS = 99
DEFAULT_NAME = "slipway"
DEFAULT_PREFIX = "10.99.0"
NEWEST, BEFORE = bundle.NEWEST.name, bundle.BEFORE.name
SEED_ERA = "1.20"
"""The series that have bundles; the default is the newest."""
CONFORMANCE = "conformance"
"""The programs and images of upstream's tests for the newest series, which can be built like a series."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `status`: `state` is running, unplugged or off; `memory` is in bytes."""

    name: str
    address: str
    state: str
    memory: int


class Lab:
    """A set of hosts on a bridge. Two labs of different name and prefix do not meet.

    Without arguments SLIPWAY_LAB_NAME and SLIPWAY_LAB_PREFIX are read. Everything is found by name on the machine
    itself, so it does not matter which process started the hosts, or whether it still runs.
    """

    def __init__(self, name: str = "", prefix: str = "", *, cache: Path | None = None) -> None:
        self.cache = cache or recipe.cache_root()
        name = name or os.environ.get("SLIPWAY_LAB_NAME") or DEFAULT_NAME
        self.network = Network(name, prefix or os.environ.get("SLIPWAY_LAB_PREFIX") or DEFAULT_PREFIX)
        self.home = self.cache if name == DEFAULT_NAME else self.cache / "labs" / name

    @property
    def practice_file(self) -> Path:
        """A list of the running hosts, for practice."""
        return self.home / "practice.json"

    @property
    def root_key(self) -> Path:
        """The private key that root of every host accepts."""
        return hosts.root_key(self.home)

    def build(self, series: str = NEWEST) -> Path:
        """Build what is missing for one series of Kubernetes and return the directory of its artifact bundle.

        Of CONFORMANCE it is the directory of the programs and images of upstream's tests; of a network plugin the
        newest series' bundle with the plugin's images.
        """
        _need_root()
        packages.install_needed(self.cache)
        # Asks apt, which may have to update its lists; two processes could not do that at the same time.
        packages.archive()
        product, compiled, parts = _bundle(series)
        if recipe.place_of(product, self.cache).is_dir() and recipe.place_of(rootfs.BASE, self.cache).is_dir():
            return recipe.obtain(product, self.cache)
        title = "upstream's conformance tests" if series == CONFORMANCE else f"Kubernetes {series}"
        with progress.whole(f"{title} and all that belongs to it", self._seconds_left(series)):
            with ThreadPoolExecutor(2) as pool:
                # Packages are unpacked one after the other, beside a compiler that is always busy.
                unpacked = (rootfs.BASE, registry.REGISTRY, *parts)
                for done in [pool.submit(self._obtain, *compiled), pool.submit(self._obtain, *unpacked)]:
                    done.result()
            return recipe.obtain(product, self.cache)

    def _obtain(self, *products: recipe.Product) -> None:
        for product in products:
            recipe.obtain(product, self.cache)

    def _seconds_left(self, series: str) -> float:
        product, compiled, _ = _bundle(series)
        missing = [each for each in (*compiled, product) if not recipe.place_of(each, self.cache).is_dir()]
        return sum(each.usual_seconds for each in missing)

    def tidy(self) -> None:
        """Remove the compilers' caches, which are larger than their products.

        It runs in the background: a hundred thousand small files take minutes on a disk that discards each of them.
        """
        for name in ("go-build", "go-build-1.20", "go-mod"):
            recipe.put_away(self.cache / name)
        recipe.remove_put_away(self.cache)

    def is_built(self, series: str = NEWEST) -> bool:
        """Whether all products of the current recipes exist, so that `build` has nothing to do."""
        products = (rootfs.BASE, _bundle(series)[0])
        return not packages.missing() and all(recipe.place_of(product, self.cache).is_dir() for product in products)

    def up(self, count: int) -> list[LabHost]:
        """Start hosts node1 to node<count> and wait for them; running ones are left alone."""
        if not 1 <= count <= MOST_HOSTS:
            raise LabError(f"1 to {MOST_HOSTS} hosts were expected, found {count}")
        _need_root()
        packages.install_needed(self.cache)
        base = recipe.obtain(rootfs.BASE, self.cache)
        with self._alone():
            machines = [self._machine(number) for number in range(1, count + 1)]
            asleep = [machine for machine in machines if not machine.is_running]
            self._boot(asleep, base)
            self._write_practice_file()
        return [machine.as_lab_host() for machine in machines]

    def reset(self) -> list[LabHost]:
        """Boot all hosts again with fresh disks."""
        _need_root()
        base = recipe.obtain(rootfs.BASE, self.cache)
        with self._alone():
            machines = self._machines()
            for machine in machines:
                hosts.kill(machine)
                recipe.remove_tree(machine.disk)
            self._boot(machines, base)
            self._write_practice_file()
        return [machine.as_lab_host() for machine in machines]

    def down(self) -> None:
        """Remove the hosts, their disks and everything else with the lab's name."""
        _need_root()
        with self._alone():
            for machine in self._machines():
                hosts.kill(machine)
            cgroups.kill(self.group)
            cgroups.remove(self.group)
            network.remove(self.network)
            recipe.remove_tree(self.home / "hosts")
            self.practice_file.unlink(missing_ok=True)

    def kill(self, name: str) -> None:
        """Pull the plug of a host; its disk stays."""
        with self._alone():
            hosts.kill(self._known(name))

    def start(self, name: str) -> LabHost:
        """Power a host on again, with the disk it had."""
        machine = self._known(name)
        with self._alone():
            if not machine.is_running:
                self._boot([machine], machine.disk / "base")
        return machine.as_lab_host()

    def unplug(self, name: str) -> None:
        """Pull a host's network cable."""
        network.set_cable(self.network, self._running(name).name, plugged=False)

    def plug(self, name: str) -> None:
        """Plug a host's network cable in again."""
        network.set_cable(self.network, self._running(name).name, plugged=True)

    def execute(self, name: str, script: str) -> str:
        """Run a shell script as root on a host, without SSH, and return its output."""
        return hosts.execute(self._known(name), script)

    def send(self, name: str, source: Path, place: str) -> None:
        """Copy a directory to a place on a running host, without SSH."""
        hosts.send(self._running(name), source, place)

    def hosts(self) -> list[LabHost]:
        """The hosts of this lab, running or not."""
        return [machine.as_lab_host() for machine in self._machines()]

    def status(self) -> list[Row]:
        """The state of each host."""
        return [self._row(machine) for machine in self._machines()]

    @property
    def group(self) -> str:
        """The control group above those of the hosts."""
        return f"lab-{self.network.name}"

    def _machine(self, number: int) -> Machine:
        return Machine(self.home, self.network, number)

    def _machines(self) -> list[Machine]:
        """All hosts that have a disk, or processes that outlived it."""
        places = [*(self.home / "hosts").glob("node*"), *(cgroups.MOUNT / "pids" / self.group).glob("node*")]
        numbers = {int(place.name.removeprefix("node")) for place in places}
        return [self._machine(number) for number in sorted(numbers)]

    def _known(self, name: str) -> Machine:
        for machine in self._machines():
            if machine.name == name:
                return machine
        known = ", ".join(machine.name for machine in self._machines()) or "none"
        raise LabError(f"the lab has no host {name}; it has: {known}", hint="python -m tests.lab up N")

    def _running(self, name: str) -> Machine:
        machine = self._known(name)
        if not machine.is_running:
            raise LabError(f"{name} is off", hint=f"python -m tests.lab start {name}")
        return machine

    def _row(self, machine: Machine) -> Row:
        state = "off"
        if machine.is_running:
            state = "running" if network.is_plugged(self.network, machine.name) else "unplugged"
        return Row(machine.name, machine.address, state, cgroups.memory(machine.group))

    def _boot(self, machines: list[Machine], base: Path) -> None:
        if not machines:
            return
        hosts.root_key(self.home)
        hosts.allow_watchers()
        network.make_bridge(self.network)
        names = " ".join(machine.name for machine in machines)
        with progress.step(f"starting {names}", 2 + len(machines)), ThreadPoolExecutor(len(machines)) as pool:
            list(pool.map(lambda machine: hosts.make_disk(machine, base), machines))
            for machine in machines:
                # Leftovers of a crash of this machine or of an earlier lab.
                hosts.kill(machine)
                hosts.start(machine)
            list(pool.map(hosts.wait, machines))

    def _write_practice_file(self) -> None:
        practice = [
            {
                "name": host.name,
                "address": host.address,
                "internalAddress": host.address,
                "port": host.port,
                "user": host.user,
                "password": host.password,
            }
            for host in self.hosts()
        ]
        fresh = self.practice_file.with_suffix(".new")
        fresh.write_text(json.dumps(practice, indent=2) + "\n")
        fresh.replace(self.practice_file)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One change of a lab at a time, among all processes."""
        with recipe.locked(self.cache / "locks" / f"lab-{self.network.name}.lock"):
            yield


def buildable() -> tuple[str, ...]:
    """What `build` takes: series of Kubernetes, upstream's tests, and network plugins."""
    return (*bundle.SERIES, SEED_ERA, CONFORMANCE, *networks.plugins())


def _bundle(series: str) -> tuple[recipe.Product, tuple[recipe.Product, ...], tuple[recipe.Product, ...]]:
    """A series' bundle, its parts that need a compiler, and its other parts."""
    if series == SEED_ERA:
        return bundle_1_20.BUNDLE, bundle_1_20.COMPILED, (bundle_1_20.PARTS,)
    if series == CONFORMANCE:
        compiled = (*bundle.compiled(conformance.SERIES), *conformance.COMPILED)
        return conformance.SUITE, compiled, (bundle.PARTS, conformance.BASES)
    plugin = networks.plugins().get(series)
    if plugin is not None:
        return plugin.bundle, plugin.compiled, (bundle.PARTS, plugin.base)
    if series not in bundle.SERIES:
        raise LabError(f"the lab cannot build {series}; it can build: {', '.join(buildable())}")
    return bundle.BUNDLES[series], bundle.compiled(bundle.SERIES[series]), (bundle.PARTS,)


def _need_root() -> None:
    if os.geteuid() != 0:
        raise LabError("the lab needs root: it makes network namespaces and boots machines", hint="Use sudo.")

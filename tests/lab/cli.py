"""The lab's command line: `python -m tests.lab build [SERIES] | up N | down | status | kill | start | unplug | …`."""

from __future__ import annotations

import argparse
import sys

from tests.lab import progress
from tests.lab.commands import LabError
from tests.lab.lab import NEWEST, Lab, buildable

VERBS_FOR_ONE = {
    "kill": "pull the plug of a host; its disk stays",
    "start": "power a host on again",
    "unplug": "pull the network cable of a host",
    "plug": "plug the network cable of a host in again",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="Real machines to build clusters on.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    build = verbs.add_parser("build", help="build Kubernetes, the host image and the artifact bundle")
    known = f"{NEWEST} (usual); one or several of {', '.join(buildable())}"
    build.add_argument("series", nargs="*", metavar="SERIES", help=known)
    build.add_argument("--keep-caches", action="store_true", help="keep what makes the next build quicker: 15 GB")
    verbs.add_parser("up", help="start hosts").add_argument("count", type=int, metavar="N")
    verbs.add_parser("down", help="remove the hosts and every trace of them")
    verbs.add_parser("reset", help="start all hosts again with fresh disks")
    verbs.add_parser("status", help="show the hosts")
    for verb, text in VERBS_FOR_ONE.items():
        verbs.add_parser(verb, help=text).add_argument("name", metavar="NAME")
    return parser


def _print_status(lab: Lab) -> None:
    rows = [("NAME", "ADDRESS", "STATE", "MEMORY")]
    rows += [(row.name, row.address, row.state, f"{row.memory / 2**20:.0f} MiB") for row in lab.status()]
    for name, address, state, memory in rows:
        print(f"{name:<8} {address:<15} {state:<10} {memory:>9}")


def _obey(arguments: argparse.Namespace, lab: Lab) -> None:
    match arguments.verb:
        case "build":
            for series in arguments.series or [NEWEST]:
                print(lab.build(series))
            if not arguments.keep_caches:
                lab.tidy()
        case "up":
            lab.up(arguments.count)
            _print_status(lab)
        case "reset":
            lab.reset()
            _print_status(lab)
        case "down":
            lab.down()
        case "status":
            _print_status(lab)
        case verb:
            getattr(lab, verb)(arguments.name)


def main(argv: list[str] | None = None) -> int:
    """Execute the command line; returns the exit code."""
    try:
        _obey(_parser().parse_args(argv), Lab())
    except LabError as error:
        progress.say(str(error))
        if error.hint:
            progress.say(error.hint)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

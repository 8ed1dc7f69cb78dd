"""`manage.py plan FILE…`: which step runs on which machine, in reading order; it reaches no machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from clusters import catalog
from clusters.catalog.recipes import recipes
from clusters.config.file_sets import joined
from clusters.config.finding import format_finding
from clusters.config.load import LIMIT, load
from clusters.config.report import findings_of
from clusters.engine.plan import Plan, make_plan
from clusters.engine.question import check_answers
from clusters.engine.recipe import DEFAULT, recipe_called
from clusters.engine.step import discover
from clusters.errors import InstallerError
from clusters.management.document_files import text_of
from clusters.management.recipe_options import answers_of_pairs
from clusters.plaintext import plain_text

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Print the plan of a document."""

    help = "Print which step would run on which machine. Nothing is changed and no machine is reached."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file, and the steps to include or leave out."""
        parser.add_argument(
            "files", nargs="+", metavar="FILE", help="the document, or KubeKey 4's two; - is standard input"
        )
        parser.add_argument("--recipe", default=DEFAULT, help=f"one of {', '.join(each.name for each in recipes())}")
        parser.add_argument(
            "--answer", action="append", default=[], metavar="NAME=VALUE", help="the answer to a question of the recipe"
        )
        parser.add_argument("--only", action="append", default=[], metavar="STEP", help="only this step or phase")
        parser.add_argument("--skip", action="append", default=[], metavar="STEP", help="all except this step or phase")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the plan, or the errors in the document."""
        try:
            files = joined((name, text_of(name, LIMIT)) for name in options["files"])
        except InstallerError as error:
            raise CommandError(error.with_hint) from error
        loaded = load(files.text)
        blocking = [finding for finding in files.placed(findings_of(loaded)) if finding.blocking]
        if loaded.document is None or blocking:
            errors = "\n".join(f"  {format_finding(finding)}" for finding in blocking)
            raise CommandError(plain_text(f"{files.name} cannot be installed:\n{errors}"))
        discover(catalog)
        try:
            recipe = recipe_called(options["recipe"])
            given = answers_of_pairs(recipe, options["answer"])
            answers = check_answers(recipe.questions, loaded.document, given)
            document = recipe.prepare(loaded.document, answers)
            plan = make_plan(document, recipe.name, only=options["only"], skip=options["skip"], answers=answers)
        except InstallerError as error:
            raise CommandError(error.with_hint) from error
        self.stdout.write(plain_text(plan_text(plan)))


def plan_text(plan: Plan) -> str:
    """The plan as text: a heading per phase, a line per step."""
    lines: list[str] = []
    phase = ""
    wide = max((len(row.path) for row in plan.steps), default=0)
    for row in plan.steps:
        if row.phase != phase:
            phase = row.phase
            lines.append(f"\n{phase}")
        lines.append(f"  {row.path:<{wide}}  {row.title}  [{', '.join(row.hosts)}]")
    nodes = sum(len(row.hosts) for row in plan.steps)
    lines.append(f"\n{nodes} steps on machines; about {plan.expected_seconds:.0f} s by shipped estimates.")
    return "\n".join(lines).lstrip("\n")

"""Rules for every file of the repository that no tool of `make lint` checks."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from clusters.catalog.recipes import recipes
from clusters.engine.recipe import DEFAULT

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 400
OURS = sorted(path for folder in ("clusters", "installer_site", "tests") for path in (ROOT / folder).rglob("*.py"))
SHIPPED = [path for path in OURS if path.relative_to(ROOT).parts[0] != "tests"]
# People read what commands print; all other code reports to its caller or the log.
TALKATIVE = ROOT / "clusters" / "management" / "commands"
PAGES = [
    path
    for folder, kind in (("templates", "*.html"), ("static", "*.js"), ("static", "*.css"))
    for path in sorted((ROOT / folder).rglob(kind))
]
TEMPLATES = [path for path in sorted((ROOT / "templates").rglob("*")) if path.is_file()]
MOST_OF_A_FUNCTION = 40
MOST_OF_A_LINE = 120
LONG_FUNCTIONS = {
    "clusters/catalog/load_balancers/keepalived.py:config",
    "clusters/catalog/steps/kubernetes/dns.py:_daemon_set",
    "clusters/engine/node.py:run_node",
    "clusters/engine/wants.py:service",
    "clusters/remote/ssh.py:_perform",
    "clusters/remote/session/root_shells.py:run_in_root_shell",
    "clusters/runs/jobs/probes.py:probe_row",
    "tests/catalog/pretend.py:pretend",
    "tests/e2e/test_bad_days.py:test_a_full_disk_a_power_cut_and_a_reboot_do_not_stop_an_installation",
    "tests/ha/application.py:application",
    "tests/ha/layouts.py:write",
    "tests/ha/test_proxies.py:test_a_dead_machine_is_replaced_and_workers_are_added_in_one_run",
    "tests/ha/test_stacked_etcd.py:test_changes_of_the_document_take_effect_while_clients_hardly_notice",
    "tests/regressions/test_watching.py:test_12_a_socket_cut_every_three_seconds_loses_nothing",
    "tests/runs/scenes.py:three_steps",
}


DOCSTRING = re.compile(r'(?:#.*\n)*r?"""\S')


@cache
def tree(path: Path) -> ast.Module:
    """A shipped file as Python reads it, which several tests want to see."""
    return ast.parse(path.read_text())


def line_of(node: ast.AST) -> int:
    """The line of a part of a module that has one."""
    assert isinstance(node, ast.stmt | ast.expr)
    return node.lineno


def mentioning(*words: str) -> list[Path]:
    """The shipped files with one of these words: all others need not be read as Python, which takes longer."""
    return [path for path in SHIPPED if any(word in path.read_text() for word in words)]


def name(path: Path) -> str:
    """How a file is called in this repository."""
    return str(path.relative_to(ROOT))


def generated(path: Path) -> bool:
    """Whether a tool wrote it."""
    return path.parent.name == "migrations"


def test_there_are_files_to_look_at() -> None:
    assert len(SHIPPED) > 50


def test_no_file_is_longer_than_one_can_read() -> None:
    lengths = {name(path): len(path.read_text().splitlines()) for path in [*OURS, *PAGES] if not generated(path)}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_function_is_longer_than_one_can_see() -> None:
    """Those that are named became long before this was measured: take them off when they are short, add none."""
    found = {}
    for path in OURS:
        text = path.read_text()
        if generated(path) or text.count("\n") < MOST_OF_A_FUNCTION:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[f"{name(path)}:{node.name}"] = (node.end_lineno or node.lineno) - node.lineno + 1
    long = {each for each, lines in found.items() if lines >= MOST_OF_A_FUNCTION}
    assert sorted(long - LONG_FUNCTIONS) == []
    assert sorted(LONG_FUNCTIONS - long) == [], "these are short by now, or gone"


def test_lines_of_templates_are_not_wider_than_one_can_see() -> None:
    wide = [
        f"{name(path)}:{number}"
        for path in TEMPLATES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) >= MOST_OF_A_LINE
    ]
    assert wide == []


def test_every_module_has_a_purpose_sentence() -> None:
    silent = [path for path in OURS if path.read_text().strip() and not generated(path)]
    assert [name(path) for path in silent if not DOCSTRING.match(path.read_text())] == []


def test_nothing_that_is_shipped_prints_or_asserts() -> None:
    found = []
    for path in mentioning("print", "assert"):
        for node in ast.walk(tree(path)):
            prints = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            if isinstance(node, ast.Assert) or (prints and TALKATIVE not in path.parents):
                found.append(f"{name(path)}:{getattr(node, 'lineno', 0)}")
    assert found == []


YAML_READER = ROOT / "clusters" / "config" / "yaml" / "tree.py"
YAML_WRITERS = {"safe_dump", "safe_dump_all", "dump_all", "SafeDumper"}


def test_only_the_bounded_reader_parses_yaml() -> None:
    """Others call `read_value` or `load`: a loader of PyYAML has no limits on depth, aliases and numbers."""
    found = []
    for path in mentioning("yaml"):
        for node in ast.walk(tree(path)) if path != YAML_READER else ():
            if isinstance(node, ast.Attribute):
                is_yaml = isinstance(node.value, ast.Name) and node.value.id == "yaml"
                reads = is_yaml and node.attr not in YAML_WRITERS
            else:
                reads = isinstance(node, ast.ImportFrom) and (node.module or "") == "yaml"
            if reads:
                found.append(f"{name(path)}:{line_of(node)}")
    assert found == []


ADDRESSES = ROOT / "clusters" / "addresses.py"


def test_only_the_safe_reader_takes_addresses_apart() -> None:
    """Others call `read_address`: `urlsplit()` and its `port` raise ValueError for what people and machines write."""
    found = []
    for path in mentioning("urlsplit", "urlparse"):
        for node in ast.walk(tree(path)) if path != ADDRESSES else ():
            names = [each.name for each in node.names] if isinstance(node, ast.ImportFrom) else []
            used = node.attr if isinstance(node, ast.Attribute) else ""
            if {*names, used} & {"urlsplit", "urlparse"}:
                found.append(f"{name(path)}:{line_of(node)}")
    assert found == []


HOLDS_SECRETS = {
    "command", "config", "content", "diff", "kubeconfig", "manifest", "opening", "passphrase", "password", "payload",
    "private_key", "stderr", "stdin", "stdout", "text",
}  # fmt: skip
"""Names of fields that hold passwords, keys, files, or what somebody typed or a machine printed."""


def test_no_repr_shows_a_field_that_may_hold_a_secret() -> None:
    """A repr ends up in tracebacks and logs. A field of type Secret shows itself as dots."""
    found = []
    for path in mentioning("dataclass"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(each) for each in node.decorator_list):
                found += [f"{name(path)} {node.name}.{each}" for each in shown_fields(node)]
    assert found == []


def shown_fields(node: ast.ClassDef) -> list[str]:
    """Fields with such a name whose text is shown; numbers, tuples of commands and secrets are none."""
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    return [
        each.target.id
        for each in fields
        if isinstance(each.target, ast.Name)
        and each.target.id in HOLDS_SECRETS
        and any(kind in ast.unparse(each.annotation) for kind in ("str", "bytes", "Any", "Iterable[bytes]"))
        and (each.value is None or "repr=False" not in ast.unparse(each.value))
    ]


NAME_OF_THE_FIRST = {"clusters/engine/recipe.py": 1, "clusters/migrations/0001_initial.py": 1}
"""Where the name of a recipe is written: its own file, the one place that sets which is the first, and history."""


def test_no_file_knows_a_recipe_by_its_name() -> None:
    """What pages and commands need to know of a recipe is in its own file; a second one needs no change elsewhere."""
    folder = ROOT / "clusters" / "catalog" / "recipes"
    names = {each.name for each in recipes()} | {each.verb for each in recipes()}
    assert DEFAULT in names
    quoted = re.compile(rf"""["'](?:cluster )?(?:{"|".join(map(re.escape, names))})["']""")
    found = {name(path): len(quoted.findall(path.read_text())) for path in [*SHIPPED, *TEMPLATES, *PAGES]}
    inside = {name(path) for path in folder.rglob("*.py")}
    assert {path: count for path, count in found.items() if count and path not in inside} == NAME_OF_THE_FIRST


@pytest.mark.parametrize("kind", ["steps", "networks", "runtimes", "load_balancers"])
def test_every_module_of_the_catalog_has_a_test(kind: str) -> None:
    """`catalog/steps/os/swap.py` is tested by a test file that imports it or names its step.

    Prechecks: `tests/test_precheck_tests.py`.
    """
    folder = ROOT / "clusters" / "catalog" / kind
    tests = "\n".join(path.read_text() for path in (ROOT / "tests" / "catalog").rglob("test_*.py"))
    modules = [path for path in folder.rglob("*.py") if path.parent != folder or path.stem != "__init__"]
    full = [path for path in modules if len(tree(path).body) > 1]
    assert [name(path) for path in full if not is_named(path, tests)] == []


def is_named(path: Path, tests: str) -> bool:
    """Whether tests import the module, or speak of what it declares by its path or id."""
    file = path.parent if path.stem == "__init__" else path
    dotted = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    package, _, module = dotted.rpartition(".")
    declared = {
        node.args[0].value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("step", "precheck")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    spoken = [f'"{each}"' in tests for each in map(str, declared)]
    imported = dotted in tests or any(
        line.startswith(f"from {package} import") and module in line.replace(",", " ").split()
        for line in tests.splitlines()
    )
    return imported or (bool(spoken) and all(spoken))


def test_message_and_hint_of_an_error_are_joined_in_one_place() -> None:
    joined = re.compile(r'f"\{(\w+)(\.message)?\} \{\1\.hint\}')
    found = [name(path) for path in SHIPPED if joined.search(path.read_text())]
    assert found == ["clusters/errors.py"], "InstallerError.with_hint is for that"


STYLES = sorted((ROOT / "static" / "css").glob("*.css"))
TOKENS = "static/css/tokens.css"


def test_colors_and_font_sizes_are_only_in_the_tokens() -> None:
    """A size in `em` is a share of the text around it, and has no token."""
    raw = re.compile(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(|\bfont(?:-size)?:[^;}]*?\b[0-9.]+(?:rem|px|pt)\b")
    found = [
        f"{name(path)}:{number}: {match[0]}"
        for path in STYLES
        if name(path) != TOKENS
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for match in raw.finditer(line)
    ]
    assert found == []

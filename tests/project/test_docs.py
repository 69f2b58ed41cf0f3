"""Documentation agrees with the code: options, variables, targets, links, results, words."""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / "docs" / "settings.md"
README = ROOT / "README.md"
IGNORED = {".git", ".venv", "node_modules", "__pycache__", "outputs", "runs", "data", "tmp"}
# Where this project was made is nobody's business; written apart so that this file passes itself.
WORKPLACE = ("/wo" + "rk/", "shared" + "/data", "." + "library", "../" + "shared")
# Lock files must name the public registry, or nobody else can install from them.
PUBLIC_REGISTRY = "https://" + "registry.npmjs.org/"
REGISTRY = re.compile(r"https?://[\w.:@-]*(?:registry|pypi|artifact|nexus|mirror|proxy)[\w.:-]*/?")
Options = dict[str, str]  # "--video, --no-video": default as the page writes it


@cache
def project_files() -> tuple[Path, ...]:
    """Tracked files, or, outside a git checkout, all files that are no build products."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        names = [name for name in listed.stdout.split("\0") if name]
        return tuple(path for path in map(ROOT.joinpath, names) if path.is_file())
    return tuple(
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not IGNORED & set(path.relative_to(ROOT).parts)
    )


def texts(*suffixes: str) -> Iterator[tuple[Path, str]]:
    """Project files that are text, by suffix or all."""
    for path in project_files():
        if suffixes and path.suffix not in suffixes:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            yield path.relative_to(ROOT), text


def rows(section: str) -> list[list[str]]:
    """Cells of all table rows under the heading `section` of the settings page."""
    page = SETTINGS.read_text()
    heading = re.search(rf"^(#+) {re.escape(section)}$", page, re.MULTILINE)
    assert heading, f"docs/settings.md has no section {section!r}"
    rest = page[heading.end() :]
    end = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
    lines = rest[: end.start() if end else None].splitlines()
    cells = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
        if line.startswith("|")
    ]
    return [row for row in cells if row[0].startswith("`")]


def documented(section: str) -> Options:
    """Options of a section with their defaults, as written."""
    return {row[0].replace("`", ""): row[1].strip("`") for row in rows(section)}


def sections() -> list[str]:
    """Commands that the settings page describes."""
    return re.findall(r"^### `(.+)`$", SETTINGS.read_text(), re.MULTILINE)


@cache
def engine_verbs() -> dict[str, Options]:
    """{"python -m engine data report": options} of every verb there is."""
    from engine.cli import app

    found: dict[str, Options] = {}

    def visit(command: Any, name: str) -> None:
        for verb, inner in getattr(command, "commands", {}).items():
            visit(inner, f"{name} {verb}")
        if not hasattr(command, "commands"):
            found[name] = {
                ", ".join([*p.opts, *p.secondary_opts]): default_text(p.default, p.required)
                for p in command.params
                if p.param_type_name == "option" and "--help" not in p.opts
            }

    visit(typer.main.get_command(app), "python -m engine")
    return found


def default_text(value: Any, required: bool) -> str:
    """A default as the settings page writes it."""
    if required:
        return "required"
    if isinstance(value, bool):
        return "on" if value else "off"
    return "-" if value in (None, "") else str(value)


@pytest.mark.parametrize("verb", sorted(engine_verbs()))
def test_engine_options_are_documented(verb):
    assert documented(f"`{verb}`") == engine_verbs()[verb]


def test_page_options_are_documented(monkeypatch):
    from app.settings import parse_arguments

    seen: list[argparse.ArgumentParser] = []

    def keep(parser: argparse.ArgumentParser, *_: Any) -> argparse.Namespace:
        seen.append(parser)
        return argparse.Namespace()

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", keep)
    parse_arguments([])
    options = {
        ", ".join(action.option_strings): default_text(action.default, action.required)
        for action in seen[0]._actions
        if action.dest != "help"
    }
    assert documented("`python app.py`") == options


@cache
def scripts() -> dict[str, set[str]]:
    """{"python -m benchmarks.speed": its options} of all modules that parse arguments."""
    found: dict[str, set[str]] = {}
    for path, text in texts(".py"):
        if path.parts[0] not in ("benchmarks", "engine"):
            continue
        options = added(text)
        if "add_output(" in text:
            options |= added((ROOT / "benchmarks" / "record.py").read_text(encoding="utf-8"))
        if options and path.name != "record.py":
            found["python -m " + ".".join(path.with_suffix("").parts)] = options
    return found


def added(text: str) -> set[str]:
    """Options that a module adds to a parser."""
    return {
        argument.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "add_argument"
        for argument in node.args
        if isinstance(argument, ast.Constant) and str(argument.value).startswith("--")
    }


def test_script_options_are_documented():
    for script, options in scripts().items():
        assert {row[0].strip("`") for row in rows(f"`{script}`")} == options, script


def test_every_documented_command_exists():
    assert sorted(sections()) == sorted([*engine_verbs(), *scripts(), "python app.py"])


def environment_names(path: Path, tree: ast.Module) -> set[str]:
    """Names a module reads from, or writes to, the environment."""
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    names = set()
    for node in ast.walk(tree):
        key = None
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
            key = node.slice
        elif isinstance(node, ast.Call) and re.search(
            r"(environ\.(get|setdefault|pop)|getenv)$", ast.unparse(node.func)
        ):
            key = node.args[0]
        elif isinstance(node, ast.Compare) and ast.unparse(node.comparators[0]).endswith("environ"):
            key = node.left
        if key is not None:
            value = ast.literal_eval(key) if isinstance(key, ast.Constant) else None
            value = value or constants.get(ast.unparse(key))
            assert value, f"{path}: which variable is {ast.unparse(node)}?"
            names.add(value)
    return names


def test_environment_variables_are_documented():
    used: set[str] = set()
    for path, text in texts(".py"):
        if "environ" in text or "getenv" in text:
            used |= environment_names(path, ast.parse(text))
    assert {row[0].strip("`") for row in rows("Environment variables")} == used


def test_make_targets_and_variables_are_documented():
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony
    listed = [row[0].strip("`") for row in rows("Make")]
    targets = {name.removeprefix("make ") for name in listed if name.startswith("make ")}
    assert targets == set(phony[1].split())
    assert targets <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    defaults = dict(re.findall(r"^(\w+) \?= (.+)$", makefile, re.MULTILINE))
    documented = {row[0].strip("`"): row[1].strip("`") for row in rows("Make")
                  if not row[0].startswith("`make")}  # fmt: skip
    assert documented == {**defaults, "ARGS": ""}


def test_relative_links_lead_somewhere():
    broken = []
    for path, text in texts(".md"):
        for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
            if re.match(r"[a-z]+:|#", target):
                continue
            if not (ROOT / path.parent / target.split("#")[0]).exists():
                broken.append(f"{path}: {target}")
    assert broken == []


def without_code(text: str) -> str:
    """Markdown without fenced blocks, where brackets are code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def test_results_that_are_cited_exist():
    missing = []
    for path, text in texts(".md", ".py"):
        for name in re.findall(r"benchmarks/results/([\w.-]+\.(?:json|md))", text):
            if "DATE" not in name and not (ROOT / "benchmarks" / "results" / name).is_file():
                missing.append(f"{path}: {name}")
    assert missing == []


@pytest.mark.parametrize("command", ["make app", "make test"])
def test_readme_names_the_two_commands(command):
    assert re.search(rf"^{command}$", README.read_text(), re.MULTILINE), "on a line of its own"


def readme_commands() -> list[list[str]]:
    """Arguments of every engine or page command in a code block of a project's page."""
    lines = []
    for path, text in texts(".md"):
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if re.match(r"(python|\.venv/bin/python) (-m engine|app\.py)\b", line):
                    lines.append([str(path), *line.split("#")[0].split()])
    return lines


def test_commands_in_the_documentation_have_real_verbs_and_options():
    wrong = []
    for path, _, *words in readme_commands():
        command = "python " + " ".join(words)
        known = max(
            (name for name in [*engine_verbs(), *scripts(), "python app.py"]
             if f"{command} ".startswith(f"{name} ")),
            key=len, default=None,
        )  # fmt: skip
        options = {word.split("=")[0] for word in words if word.startswith("--")} - {"--help"}
        if known is None:
            if options or "--help" not in words:
                wrong.append(f"{path}: {command}")
            continue
        allowed = {name for row in rows(f"`{known}`") for name in re.findall(r"--[\w-]+", row[0])}
        if not options <= allowed:
            wrong.append(f"{path}: {known} has no {sorted(options - allowed)}")
    assert wrong == []


def test_nothing_speaks_of_the_workplace():
    found = []
    for path, text in texts():
        for word in WORKPLACE:
            if word in text and not (path.as_posix() == "tests/shared.py" and "shared" in word):
                found.append(f"{path}: {word}")
        for address in REGISTRY.findall(text):
            if not address.startswith(PUBLIC_REGISTRY):
                found.append(f"{path}: {address}")
    assert found == []


def test_the_verbs_parse():
    """Guards the tests above: an empty list of verbs would let everything pass."""
    assert len(engine_verbs()) >= 8
    assert "python -m benchmarks.quality" in scripts()

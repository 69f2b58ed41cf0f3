"""Imports point one way, and asking for help loads nothing heavy."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A package may import from those to the right of it, never the other way round.
MAY_IMPORT = {
    "motion": set(),
    "models": {"motion"},
    "data": {"motion", "models"},
    "body": {"motion"},
    "render": {"motion", "body"},
    "backbones": {"models", "motion"},
    "diffusion": {"backbones", "models", "motion"},
    "evaluation": {"data", "backbones", "diffusion", "models", "motion"},
    "training": {"data", "backbones", "diffusion", "models", "motion", "evaluation"},
    "tuning": {"backbones", "data", "diffusion", "evaluation", "models", "motion"},
    "compare": {"tuning", "data", "evaluation", "diffusion", "models", "motion"},
    "preference": {
        "tuning",
        "training",
        "data",
        "evaluation",
        "diffusion",
        "models",
        "motion",
    },
    "adapters": {"tuning", "diffusion", "models", "motion"},
    "edit": {"diffusion", "models", "motion"},
    "commands": {
        "body",
        "edit",
        "backbones",
        "preference",
        "compare",
        "tuning",
        "data",
        "diffusion",
        "evaluation",
        "models",
        "motion",
        "render",
        "training",
    },
}
FREE = {"checks", "errors", "files"}
ROOT_MODULES = {"pipeline": {"diffusion", "models", "motion"}}


def engine_imports(path: Path) -> set[str]:
    """First-level engine names a file imports, at any depth of nesting."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
            if node.module == "engine":
                modules = [f"engine.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        names |= {m.split(".")[1] for m in modules if m.startswith("engine.") and "." in m}
    return names


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_packages_import_one_way(package: str) -> None:
    allowed = MAY_IMPORT[package] | FREE | {package}
    if package in {"commands", "compare", "edit", "evaluation", "preference", "tuning"}:
        allowed |= {"pipeline"}
    wrong = {
        str(path.relative_to(ROOT)): sorted(engine_imports(path) - allowed)
        for path in (ROOT / "engine" / package).rglob("*.py")
        if engine_imports(path) - allowed
    }
    assert wrong == {}


@pytest.mark.parametrize("module", sorted(ROOT_MODULES))
def test_root_modules_import_one_way(module: str) -> None:
    imports = engine_imports(ROOT / "engine" / f"{module}.py")
    assert imports - ROOT_MODULES[module] - FREE == set()


def test_engine_never_imports_the_page() -> None:
    for path in (ROOT / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            tops = {module.split(".")[0] for module in modules}
            assert not tops & {"gradio", "app"}, path


@pytest.mark.parametrize("module", ["engine.cli", "app"])
def test_help_loads_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, {module}; heavy = {{'torch', 'gradio', 'transformers', 'pyrender', 'scipy'}};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_building_the_page_loads_no_model_code(tmp_path: Path) -> None:
    """The page comes first, whatever loads long is loaded behind it."""
    code = """
import pkgutil, sys, pathlib, importlib, app
from app.engine_access import Engine
from app.page import build
build(Engine("base", "cpu"), pathlib.Path(sys.argv[1]) / "results")
for module in pkgutil.iter_modules(app.__path__):
    importlib.import_module(f"app.{module.name}")
heavy = {"torch", "transformers", "pyrender", "scipy", "trimesh", "sentence_transformers"}
print(sorted(heavy & set(sys.modules)))
"""
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "EASYTUNE_HOME": str(tmp_path)},
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["generate", "--help"], ["data", "prepare", "--help"], ["train", "vae", "--help"]],
)
def test_help_answers(arguments: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "engine", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0
    assert "Usage" in result.stdout

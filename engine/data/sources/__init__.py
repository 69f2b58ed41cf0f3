"""Registry of data sources: every module beside this one that defines a Source is one.

A module `my_source.py` holds one class with `name`, `licence`, `takes` and `clips` (see base.py);
it is found by its file name, written with dashes, and imported only when it is asked for.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from types import ModuleType
from typing import Any, cast

from engine.data.sources.base import Source, SourceClip
from engine.errors import StudioError

__all__ = ["Source", "SourceClip", "forget", "get", "names"]


def names() -> list[str]:
    """Return the names of all sources, sorted; imports none of them."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name.replace("_", "-") for name in modules if name != "base" and name[0] != "_")


def get(name: str) -> Source:
    """Return the source called `name`; StudioError lists the known names."""
    if name not in names():
        raise StudioError(f"There is no source {name!r}; known are {', '.join(names())}.")
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return _source_of(module, name)


def forget() -> None:
    """Drop what importers remember about folders (file lists), which may have changed since."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{__name__}."):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def _source_of(module: ModuleType, name: str) -> Source:
    ready: Source | None = getattr(module, "SOURCE", None)
    if ready is not None:
        return ready
    for _, value in inspect.getmembers(module, inspect.isclass):
        if value.__module__ == module.__name__ and getattr(value, "name", None) == name:
            made: Source = cast(Any, value)()
            return made
    raise StudioError(f"{module.__file__} defines no class with name = {name!r}.")

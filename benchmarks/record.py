"""Dated result files: every number in the documentation comes from one of them."""

from __future__ import annotations

import argparse
import datetime
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cpu": platform.machine(),
        "gpu": gpu,
    }


def record(name: str, values: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Write `values` with date and machine to results/DATE-name.json and return the path."""
    folder.mkdir(parents=True, exist_ok=True)
    date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    path = folder / f"{date}-{name}.json"
    path.write_text(json.dumps({"date": date, "machine": machine(), **values}, indent=2) + "\n")
    return path


def add_output(parser: argparse.ArgumentParser, name: str) -> None:
    """The options that say where a measurement runs and what its result is called."""
    import torch

    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--name", default=name, help="results/DATE-NAME.json and .md")
    parser.add_argument("--out", type=Path, default=RESULTS)


def start(main: Callable[[], object]) -> None:
    """Call a script's `main`; errors meant for people end it with one sentence."""
    from engine.errors import StudioError

    try:
        main()
    except StudioError as error:
        raise SystemExit(str(error)) from error

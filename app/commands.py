"""The line for a terminal that does what the page just did."""

from __future__ import annotations

import shlex

from app.inputs import Wish


def generate_line(wish: Wish, output: str = "outputs/motion") -> str:
    """`python -m engine generate ...`, quoted for a POSIX shell."""
    options = [
        "--seconds", f"{wish.seconds:g}",
        "--seed", str(wish.seed),
        "--samples", str(wish.samples),
        "--guidance", f"{wish.guidance:g}",
        "--steps", str(wish.steps),
        "--model", wish.model,
        "--output", output,
    ]  # fmt: skip
    start = ["python", "-m", "engine", "generate"]
    if wish.prompt.startswith("-"):
        return shlex.join([*start, *options, "--", wish.prompt])
    return shlex.join([*start, wish.prompt, *options])


def import_line(name: str) -> str:
    """`python -m engine import ...` for a file that the page opened."""
    return shlex.join(["python", "-m", "engine", "import", "--output", "motion.npz", "--", name])

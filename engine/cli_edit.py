"""The terminal's verbs for editing motions: sequence, redo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli_options import (
    Adapter,
    Body,
    Device,
    Guidance,
    Look,
    MadeAsJson,
    Model,
    Output,
    Size,
    Steps,
    Strength,
    Video,
)

edit_app = typer.Typer()


@edit_app.command()
def sequence(
    parts: Annotated[list[str], typer.Argument(help='One or more of "SECONDS: PROMPT".')],
    output: Output = Path("outputs"),
    before: Annotated[Path | None, typer.Option(help="A motion.npz to go on from.")] = None,
    after: Annotated[Path | None, typer.Option(help="A motion.npz to arrive at.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the first part; others count up.")] = 0,
    guidance: Guidance = None,
    steps: Steps = None,
    model: Model = "base",
    adapter: Adapter = None,
    strength: Strength = 1.0,
    device: Device = None,
    video: Video = True,
    size: Size = 480,
    look: Look = "skeleton",
    body: Body = None,
    json: MadeAsJson = False,
) -> None:
    """Generate several prompts in a row as one motion of up to 60 seconds."""
    from engine.commands import sequence as command

    how = command.How(
        output=output, seed=seed, guidance=guidance, steps=steps, model=model, adapter=adapter,
        strength=strength, device=device, video=video, size=size, look=look, body=body, json=json,
    )  # fmt: skip
    command.sequence(parts, how, before, after)


@edit_app.command()
def redo(
    motion: Annotated[Path, typer.Argument(help="A motion.npz of up to 60 seconds.")],
    prompt: Annotated[str, typer.Option(help="What the person is to do.")],
    half: Annotated[
        str | None, typer.Option(help="upper or lower: the other one stays; or whole, for a while.")
    ] = None,
    start: Annotated[
        float | None, typer.Option("--from", help="Second at which what is new begins.")
    ] = None,
    end: Annotated[float | None, typer.Option("--to", help="Second at which it ends.")] = None,
    output: Output = Path("outputs"),
    seed: Annotated[int, typer.Option(help="Another seed makes another motion.")] = 0,
    guidance: Guidance = None,
    steps: Steps = None,
    model: Model = "base",
    adapter: Adapter = None,
    strength: Strength = 1.0,
    device: Device = None,
    video: Video = True,
    size: Size = 480,
    look: Look = "skeleton",
    body: Body = None,
    json: MadeAsJson = False,
) -> None:
    """Make half of a body anew by a prompt, or some seconds of a motion; all the rest stays."""
    from engine.commands import sequence as command

    how = command.How(
        output=output, seed=seed, guidance=guidance, steps=steps, model=model, adapter=adapter,
        strength=strength, device=device, video=video, size=size, look=look, body=body, json=json,
    )  # fmt: skip
    command.redo(motion, prompt, half, how, start, end)

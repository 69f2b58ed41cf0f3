"""The terminal's verbs for editing motions: sequence, redo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

edit_app = typer.Typer()


@edit_app.command()
def sequence(
    parts: Annotated[list[str], typer.Argument(help='One or more of "SECONDS: PROMPT".')],
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("outputs"),
    before: Annotated[Path | None, typer.Option(help="A motion.npz to go on from.")] = None,
    after: Annotated[Path | None, typer.Option(help="A motion.npz to arrive at.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the first part; others count up.")] = 0,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    model: Annotated[str, typer.Option(help="Model name in checkpoints/ or a folder.")] = "base",
    adapter: Annotated[str | None, typer.Option(help="Tuned adapter: a name or a folder.")] = None,
    strength: Annotated[float, typer.Option(help="Of the adapter, 0 to 1.5.")] = 1.0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...")] = None,
    video: Annotated[bool, typer.Option(help="Also render an MP4.")] = True,
    size: Annotated[int, typer.Option(help="Video height in pixels: 480 or 720.")] = 480,
    look: Annotated[str, typer.Option(help="Of the video: skeleton, body, both.")] = "skeleton",
    body: Annotated[Path | None, typer.Option(help="SMPL or SMPL-X .npz for the video.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
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
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("outputs"),
    seed: Annotated[int, typer.Option(help="Another seed makes another motion.")] = 0,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    model: Annotated[str, typer.Option(help="Model name in checkpoints/ or a folder.")] = "base",
    adapter: Annotated[str | None, typer.Option(help="Tuned adapter: a name or a folder.")] = None,
    strength: Annotated[float, typer.Option(help="Of the adapter, 0 to 1.5.")] = 1.0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...")] = None,
    video: Annotated[bool, typer.Option(help="Also render an MP4.")] = True,
    size: Annotated[int, typer.Option(help="Video height in pixels: 480 or 720.")] = 480,
    look: Annotated[str, typer.Option(help="Of the video: skeleton, body, both.")] = "skeleton",
    body: Annotated[Path | None, typer.Option(help="SMPL or SMPL-X .npz for the video.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> None:
    """Make half of a body anew by a prompt, or some seconds of a motion; all the rest stays."""
    from engine.commands import sequence as command

    how = command.How(
        output=output, seed=seed, guidance=guidance, steps=steps, model=model, adapter=adapter,
        strength=strength, device=device, video=video, size=size, look=look, body=body, json=json,
    )  # fmt: skip
    command.redo(motion, prompt, half, how, start, end)

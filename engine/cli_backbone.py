"""The terminal's verb for published checkpoints: import-checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

backbone_app = typer.Typer()


@backbone_app.command("import-checkpoint")
def import_checkpoint(
    path: Annotated[Path, typer.Argument(help="The published .ckpt, .pt, .pth or .tar file.")],
    kind: Annotated[
        str, typer.Option(help="mld, mldpp, motionlcm, mdm, tmr, t2m-evaluator or spm.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    stats: Annotated[Path, typer.Option(help="Folder with Mean.npy and Std.npy of the features.")],
    diffusion_steps: Annotated[
        int | None, typer.Option(help="Of an MDM without its args.json: 50 or 1000.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> None:
    """Convert a published checkpoint to a model folder of this program."""
    from engine.commands import import_checkpoint as command

    command.run(kind, path, out, stats, diffusion_steps, json)

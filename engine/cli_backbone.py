"""The terminal's verbs for published models: import-checkpoint, evaluate-published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli_options import (
    Adapter,
    Device,
    Guidance,
    MadeAsJson,
    Model,
    Output,
    Replications,
    ResultAsJson,
    Seed,
    Steps,
    Strength,
)

backbone_app = typer.Typer()


@backbone_app.command("import-checkpoint")
def import_checkpoint(
    path: Annotated[Path, typer.Argument(help="The published .ckpt, .pt, .pth or .tar file.")],
    kind: Annotated[
        str, typer.Option(help="mld, mldpp, motionlcm, mdm, tmr, t2m-evaluator or spm.")
    ],
    out: Output,
    stats: Annotated[Path, typer.Option(help="Folder with Mean.npy and Std.npy of the features.")],
    diffusion_steps: Annotated[
        int | None, typer.Option(help="Of an MDM without its args.json: 50 or 1000.")
    ] = None,
    json: MadeAsJson = False,
) -> None:
    """Convert a published checkpoint to a model folder of this program."""
    from engine.commands import import_checkpoint as command

    command.run(kind, path, out, stats, diffusion_steps, json)


@backbone_app.command("evaluate-published")
def evaluate_published(
    data: Annotated[Path, typer.Option(help="HumanML3D or KIT-ML as published.")],
    words: Annotated[Path, typer.Option(help="Folder with our_vab_data.npy and our_vab_idx.pkl.")],
    model: Model = "base",
    adapter: Adapter = None,
    strength: Strength = 1.0,
    evaluator: Annotated[
        str, typer.Option(help="The imported evaluator: a name or a folder.")
    ] = "t2m-evaluator",
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    replications: Replications = 20,
    limit: Annotated[int | None, typer.Option(min=2, help="At most this many motions.")] = None,
    guidance: Guidance = None,
    steps: Steps = None,
    batch: Annotated[int, typer.Option(min=1, help="Motions generated at once.")] = 64,
    seed: Seed = 0,
    device: Device = None,
    json: ResultAsJson = False,
) -> None:
    """Score a model on a published dataset, as the papers' tables are measured."""
    from engine.commands import evaluate_published as command
    from engine.commands.evaluate import Contender

    command.run(
        command.Request(
            Contender(model, adapter, strength), data, words, evaluator, split, replications,
            limit, guidance, steps, batch, seed, device, json,
        )
    )  # fmt: skip

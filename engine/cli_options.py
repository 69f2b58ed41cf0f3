"""Options that several verbs of the terminal share, with one text each; defaults are the verbs'."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# What motions are made with.
Model = Annotated[str, typer.Option(help="Model name in checkpoints/ or a folder.")]
Adapter = Annotated[str | None, typer.Option(help="Tuned adapter: a name or a folder.")]
Strength = Annotated[float, typer.Option(help="Of the adapter, 0 to 1.5.")]
Guidance = Annotated[float | None, typer.Option(help="Guidance scale.")]
Steps = Annotated[int | None, typer.Option(help="Denoising steps.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed.")]

# Their video.
Video = Annotated[bool, typer.Option(help="Also render an MP4.")]
Size = Annotated[int, typer.Option(help="Video height in pixels: 480 or 720.")]
Look = Annotated[str, typer.Option(help="Of the video: skeleton, body, both.")]
Body = Annotated[Path | None, typer.Option(help="SMPL or SMPL-X .npz for the video.")]

# What is read, written and printed.
Dataset = Annotated[Path, typer.Option(help="Prepared dataset folder.")]
Output = Annotated[Path, typer.Option(help="Folder to write to.")]
MadeAsJson = Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")]
ResultAsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

# How scores are measured.
Replications = Annotated[int, typer.Option(min=1, help="Times the split is generated.")]

# How networks are trained, on one device or on all there are.
Minutes = Annotated[float, typer.Option(help="Time budget.")]
TrainDevice = Annotated[str | None, typer.Option(help="cpu, cuda ...")]
RewardFolder = Annotated[Path, typer.Option(help="Reward folder to write.")]
RewardModel = Annotated[str, typer.Option(help="Model whose VAE and noise it is for.")]

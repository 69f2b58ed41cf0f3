"""The terminal's verbs for files of motions: export, import, score, reproduce."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli_options import Device, Output

motion_app = typer.Typer()
Start = Annotated[float, typer.Option(help="Seconds of the file to leave out.")]
YUp = Annotated[bool, typer.Option("--y-up", help="The AMASS or SMPL-X file has Y up, not Z.")]


@motion_app.command()
def export(
    motion: Annotated[Path, typer.Argument(help="A motion.npz.")],
    format: Annotated[
        str, typer.Option(help="bvh, glb, amass, smplx, csv, npz, features, mp4 or gif.")
    ],
    output: Annotated[Path | None, typer.Option(help="File to write; default beside it.")] = None,
    fps: Annotated[int, typer.Option(help="Frames per second: 20, 30 or 60.")] = 20,
    foot_lock: Annotated[
        bool, typer.Option("--foot-lock", help="Pin planted feet to the floor first.")
    ] = False,
    names: Annotated[str, typer.Option(help="Joint names of BVH and GLB: smpl, mixamo.")] = "smpl",
    order: Annotated[str, typer.Option(help="Rotation order of BVH, such as ZXY.")] = "ZXY",
    y_up: Annotated[
        bool, typer.Option("--y-up", help="AMASS and SMPL-X with Y up instead of Z.")
    ] = False,
    look: Annotated[str, typer.Option(help="Of videos: skeleton, body or both.")] = "skeleton",
    body: Annotated[
        Path | None, typer.Option(help="SMPL or SMPL-X .npz for GLB and videos.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write a motion as BVH, GLB, AMASS, SMPL-X, CSV, joints, features, MP4 or GIF."""
    from engine.commands import export as command
    from engine.motion.export import Options

    options = Options(fps=fps, foot_lock=foot_lock, names=names, order=order.upper(), y_up=y_up)
    command.run(motion, format, options, output, json, look, body)


@motion_app.command("import")
def import_motion(
    file: Annotated[Path, typer.Argument(help="A .bvh, .glb, .npz, .csv or .npy file.")],
    output: Annotated[Path, typer.Option(help="File to write.")] = Path("motion.npz"),
    start: Start = 0.0,
    y_up: YUp = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was read as JSON.")] = False,
) -> None:
    """Read a motion file of another program; at most 9.8 seconds are taken."""
    from engine.commands import import_motion as command

    command.run(file, output, start, y_up, json)


@motion_app.command()
def score(
    file: Annotated[Path, typer.Argument(help="A motion.npz or a file that `import` reads.")],
    prompt: Annotated[str, typer.Option(help="What the motion is to be.")],
    start: Start = 0.0,
    y_up: YUp = False,
    model: Annotated[str, typer.Option(help="Model that the reward belongs to.")] = "base",
    reward_model: Annotated[str, typer.Option(help="Reward to ask: name or folder.")] = "reward",
    evaluator: Annotated[Path, typer.Option(help="Folder of the evaluator.")] = Path(
        "checkpoints/evaluator"
    ),
    device: Device = None,
    json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> None:
    """Say how well a motion fits a prompt, in the opinion of the reward and of the evaluator."""
    from engine.commands import score as command

    command.run(
        command.Request(file, prompt, start, y_up, model, reward_model, evaluator, device, json)
    )


@motion_app.command()
def reproduce(
    receipt: Annotated[Path, typer.Argument(help="A receipt.json.")],
    output: Output = Path("outputs"),
    model: Annotated[str | None, typer.Option(help="Where the receipt's model lies now.")] = None,
    adapter: Annotated[
        str | None, typer.Option(help="Where the receipt's adapter lies now.")
    ] = None,
    device: Device = None,
) -> None:
    """Make the motions of a receipt again; exit status 1 when they are not identical."""
    from engine.commands import reproduce as command

    if not command.run(receipt, output, model, adapter, device):
        raise typer.Exit(1)

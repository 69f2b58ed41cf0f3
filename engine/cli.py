"""The engine's verbs in a terminal; heavy imports wait until a verb needs them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.cli_adapters import adapters_app
from engine.cli_backbone import backbone_app
from engine.cli_edit import edit_app
from engine.cli_motion import motion_app
from engine.cli_options import (
    Adapter,
    Body,
    Dataset,
    Device,
    Guidance,
    Look,
    Model,
    Output,
    Replications,
    ResultAsJson,
    Seed,
    Size,
    Steps,
    Strength,
    Video,
)
from engine.cli_preference import preference_app
from engine.cli_train import train_app
from engine.cli_tune import tune_app
from engine.errors import StudioError

app = typer.Typer(
    help="EasyTune Studio's engine: generate, tune, prepare data, train, evaluate, diagnose.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(help="Prepare and describe motion data.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(train_app, name="train")
app.add_typer(adapters_app, name="adapters")
app.add_typer(motion_app)
app.add_typer(edit_app)
app.add_typer(preference_app)
app.add_typer(backbone_app)
app.add_typer(tune_app)


@app.command()
def generate(
    prompt: Annotated[str | None, typer.Argument(help="What the person does.")] = None,
    seconds: Annotated[float, typer.Option(help="Length, 1.0 to 9.8 seconds.")] = 4.0,
    seed: Annotated[int, typer.Option(help="Seed of the first sample; others count up.")] = 0,
    output: Output = Path("outputs"),
    samples: Annotated[int, typer.Option(help="How many motions of the prompt.")] = 1,
    guidance: Guidance = None,
    steps: Steps = None,
    model: Model = "base",
    device: Device = None,
    video: Video = True,
    size: Size = 480,
    look: Look = "skeleton",
    body: Body = None,
    prompts: Annotated[
        Path | None, typer.Option(help="JSONL file of id, prompt, seconds, seed.")
    ] = None,
    adapter: Adapter = None,
    strength: Strength = 1.0,
    json: Annotated[bool, typer.Option("--json", help="Print a machine-readable receipt.")] = False,
) -> None:
    """Generate motions: motion.npz and motion.mp4 in the output folder."""
    from engine.commands import generate as command

    command.run(
        command.Request(
            prompt=prompt, seconds=seconds, seed=seed, output=output, samples=samples,
            guidance=guidance, steps=steps, model=model, device=device, video=video, size=size,
            look=look, body=body, prompts=prompts, adapter=adapter, strength=strength, json=json,
        )
    )  # fmt: skip


@app.command()
def evaluate(
    model: Model = "base",
    adapter: Adapter = None,
    strength: Strength = 1.0,
    against: Annotated[str | None, typer.Option(help="Second model, for a paired test.")] = None,
    against_adapter: Annotated[str | None, typer.Option(help="Adapter of the second.")] = None,
    against_strength: Annotated[float, typer.Option(help="Of that adapter, 0 to 1.5.")] = 1.0,
    data: Dataset = Path("data/prepared"),
    evaluator: Annotated[str, typer.Option(help="Evaluator's name or folder.")] = "evaluator",
    split: Annotated[str, typer.Option(help="val, test or unseen.")] = "val",
    replications: Replications = 20,
    limit: Annotated[int | None, typer.Option(min=2, help="At most this many clips.")] = None,
    guidance: Guidance = None,
    steps: Steps = None,
    seed: Seed = 0,
    device: Device = None,
    json: ResultAsJson = False,
) -> None:
    """Score a model on held-out motions; two of them with a paired test."""
    from engine.commands import evaluate as command

    other = against or (model if against_adapter else None)  # an adapter alone goes on the same
    second = other and command.Contender(other, against_adapter, against_strength)
    command.run(
        command.Request(
            model=command.Contender(model, adapter, strength), against=second or None, data=data,
            evaluator=evaluator, split=split, replications=replications, limit=limit,
            guidance=guidance, steps=steps, seed=seed, device=device, json=json,
        )
    )  # fmt: skip


@app.command()
def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable findings.")] = False,
) -> None:
    """Say what works on this machine and what to do about what does not."""
    from engine.commands import doctor as command

    if not command.run(as_json=json):
        raise typer.Exit(1)


@data_app.command()
def prepare(
    source: Annotated[list[str], typer.Option(help="NAME=PATH, folder or archive; repeatable.")],
    out: Annotated[Path, typer.Option(help="Dataset folder to write.")],
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Import motion capture into one captioned dataset; can be interrupted and resumed."""
    from engine.data.prepare import prepare as run

    pairs = []
    for entry in source:
        name, separator, path = entry.partition("=")
        if not separator:
            raise StudioError(f"--source {entry} is not NAME=PATH, such as cmu=/data/cmu.")
        pairs.append((name, Path(path)))
    typer.echo(str(run(pairs, out, jobs)))


@data_app.command()
def report(
    data: Dataset,
    out: Annotated[Path | None, typer.Option(help="Where to write; default DATA/report.")] = None,
) -> None:
    """Write counts, minutes, durations, the label table and plots of a dataset."""
    from engine.data.report import report as run

    typer.echo(str(run(data, out or data / "report")))


@data_app.command()
def vocabulary(
    data: Dataset,
    suite: Annotated[
        Path | None, typer.Option(help="Quality or kinematic-suite result with pass rates.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Page to write.")] = Path("docs/vocabulary.md"),
) -> None:
    """Write what the model knows well, roughly or not at all."""
    from engine.data.vocabulary import vocabulary as run

    typer.echo(str(run(data, out, suite)))


@data_app.command()
def pack(
    data: Dataset,
    out: Annotated[Path, typer.Option(help="File to write, such as motion.xz.")],
) -> None:
    """Put a dataset into one small file, to train on another machine."""
    from engine.data.transport import pack as run

    typer.echo(f"{out}: {run(data, out) / 1e6:.1f} MB")


@data_app.command()
def unpack(
    file: Annotated[Path, typer.Option(help="A packed dataset.")],
    out: Annotated[Path, typer.Option(help="New dataset folder.")],
) -> None:
    """Get a dataset back from a packed file."""
    from engine.data.transport import unpack as run

    typer.echo(f"{out}: {run(file, out)} clips")


def main() -> None:
    """Run the command line; errors meant for people are printed as one sentence, exit status 2."""
    try:
        app()
    except StudioError as error:
        print(f"Error: {error}", file=sys.stderr)
        raise SystemExit(2) from error

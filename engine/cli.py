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
from engine.cli_preference import preference_app
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
train_app = typer.Typer(help="Train the base model's networks.", no_args_is_help=True)
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
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("outputs"),
    samples: Annotated[int, typer.Option(help="How many motions of the prompt.")] = 1,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    model: Annotated[str, typer.Option(help="Model name in checkpoints/ or a folder.")] = "base",
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...")] = None,
    video: Annotated[bool, typer.Option(help="Also render an MP4.")] = True,
    size: Annotated[int, typer.Option(help="Video height in pixels: 480 or 720.")] = 480,
    look: Annotated[str, typer.Option(help="Of the video: skeleton, body, both.")] = "skeleton",
    body: Annotated[Path | None, typer.Option(help="SMPL or SMPL-X .npz for the video.")] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="JSONL file of id, prompt, seconds, seed.")
    ] = None,
    adapter: Annotated[str | None, typer.Option(help="Tuned adapter: a name or a folder.")] = None,
    strength: Annotated[float, typer.Option(help="Of the adapter, 0 to 1.5.")] = 1.0,
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
    model: Annotated[str, typer.Option(help="Model name in checkpoints/ or a folder.")] = "base",
    adapter: Annotated[str | None, typer.Option(help="Tuned adapter: a name or a folder.")] = None,
    strength: Annotated[float, typer.Option(help="Of the adapter, 0 to 1.5.")] = 1.0,
    against: Annotated[str | None, typer.Option(help="Second model, for a paired test.")] = None,
    against_adapter: Annotated[str | None, typer.Option(help="Adapter of the second.")] = None,
    against_strength: Annotated[float, typer.Option(help="Of that adapter, 0 to 1.5.")] = 1.0,
    data: Annotated[Path, typer.Option(help="Prepared dataset folder.")] = Path("data/prepared"),
    evaluator: Annotated[str, typer.Option(help="Evaluator's name or folder.")] = "evaluator",
    split: Annotated[str, typer.Option(help="val, test or unseen.")] = "val",
    replications: Annotated[int, typer.Option(min=1, help="Times the split is generated.")] = 20,
    limit: Annotated[int | None, typer.Option(min=2, help="At most this many clips.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
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
    data: Annotated[Path, typer.Option(help="Prepared dataset folder.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; default DATA/report.")] = None,
) -> None:
    """Write counts, minutes, durations, the label table and plots of a dataset."""
    from engine.data.report import report as run

    typer.echo(str(run(data, out or data / "report")))


@data_app.command()
def vocabulary(
    data: Annotated[Path, typer.Option(help="Prepared dataset folder.")],
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
    data: Annotated[Path, typer.Option(help="Prepared dataset folder.")],
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


@train_app.command()
def corpus(
    data: Annotated[Path, typer.Option(help="Prepared dataset folder.")],
    out: Annotated[Path, typer.Option(help="Folder for features and captions.")],
    composed: Annotated[int, typer.Option(min=0, help="Motions composed of two clips.")] = 12_000,
    pool: Annotated[int, typer.Option(min=1, help="Sentences per combination of labels.")] = 300,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed.")] = 0,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0 means one per core.")] = 0,
) -> None:
    """Make what training reads: features, compositions and sentences."""
    from engine.training.corpus import build

    typer.echo(str(build(data, out, composed, pool, seed, jobs)))


@train_app.command()
def vae(
    data: Annotated[Path, typer.Option(help="Corpus folder.")],
    out: Annotated[Path, typer.Option(help="Model folder to write to.")],
    minutes: Annotated[float, typer.Option(help="Time budget.")] = 3.0,
    latent_dim: Annotated[int, typer.Option(help="Channels of a latent token.")] = 32,
    frames_per_token: Annotated[int, typer.Option(help="Frames a token stands for.")] = 4,
    decoder_width: Annotated[int, typer.Option(help="Channels of the decoder.")] = 256,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 4e-4,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda ...")] = None,
) -> None:
    """Train the motion VAE."""
    from engine.models.vae import VAEConfig
    from engine.training.vae import train as run

    config = VAEConfig(latent_dim, frames_per_token, decoder_width=decoder_width)
    _log_progress()
    typer.echo(str(run(data, out, config, minutes, rate, seed, device)))


@train_app.command()
def denoiser(
    data: Annotated[Path, typer.Option(help="Corpus folder.")],
    vae: Annotated[Path, typer.Option(help="Folder of the trained VAE.")],
    out: Annotated[Path, typer.Option(help="Model folder to write.")],
    minutes: Annotated[float, typer.Option(help="Time budget.")] = 5.0,
    prediction: Annotated[
        str, typer.Option(help="epsilon, v_prediction, sample or flow.")
    ] = "v_prediction",
    batch: Annotated[int, typer.Option(min=1, help="Motions per update.")] = 512,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 6e-4,
    layers: Annotated[int, typer.Option(help="Transformer layers.")] = 9,
    width: Annotated[int, typer.Option(help="Transformer width.")] = 256,
    feed_forward: Annotated[int, typer.Option(help="Width inside feed-forward layers.")] = 768,
    patch: Annotated[int, typer.Option(help="Latent tokens read as one.")] = 1,
    graph: Annotated[bool, typer.Option(help="Replay updates as CUDA graphs (GPU).")] = True,
    half: Annotated[bool, typer.Option(help="Compute in bf16.")] = True,
    fuse: Annotated[bool, typer.Option(help="Compile the network first.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda ...")] = None,
) -> None:
    """Train the denoiser on a VAE's latents and write a complete model folder."""
    from engine.training.denoiser import Hyper, train_from_folder

    _log_progress()
    hyper = Hyper(
        minutes=minutes, batch=batch, rate=rate, seed=seed, graph=graph, half=half, fuse=fuse
    )
    sizes = {"layers": layers, "width": width, "feed_forward": feed_forward, "patch": patch}
    train_from_folder(data, vae, out, sizes, prediction, hyper, device)
    typer.echo(f"Wrote {out}")


@train_app.command()
def reward(
    data: Annotated[Path, typer.Option(help="Corpus folder.")],
    out: Annotated[Path, typer.Option(help="Reward folder to write.")],
    model: Annotated[str, typer.Option(help="Model whose VAE and noise it is for.")] = "base",
    minutes: Annotated[float, typer.Option(help="Time budget.")] = 2.0,
    batch: Annotated[int, typer.Option(min=2, help="Pairs per update.")] = 512,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 1e-3,
    graph: Annotated[bool, typer.Option(help="Replay updates as CUDA graphs (GPU).")] = False,
    half: Annotated[bool, typer.Option(help="Compute in bf16.")] = True,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda ...")] = None,
) -> None:
    """Train the reward: text alignment of motions, noisy motions and latents."""
    from engine.models.registry import resolve_model
    from engine.training.reward import Hyper
    from engine.training.reward import train as run

    _log_progress()
    hyper = Hyper(minutes=minutes, batch=batch, rate=rate, seed=seed, graph=graph, half=half)
    run(data, resolve_model(model), out, hyper, device)
    typer.echo(f"Wrote {out}")


@train_app.command()
def evaluator(
    data: Annotated[Path, typer.Option(help="Prepared dataset folder.")],
    out: Annotated[Path, typer.Option(help="Evaluator folder to write.")],
    minutes: Annotated[float, typer.Option(help="Time budget.")] = 2.0,
    batch: Annotated[int, typer.Option(min=2, help="Pairs per update.")] = 512,
    unseen_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the unseen pairs to learn from.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed.")] = 7,
    device: Annotated[str | None, typer.Option(help="cpu, cuda ...")] = None,
) -> None:
    """Train the judge: a text-motion evaluator that no other training ever sees."""
    from engine.data.dataset import MotionDataset
    from engine.evaluation.train_evaluator import Recipe
    from engine.evaluation.train_evaluator import train as run
    from engine.models.device import pick_device
    from engine.models.text import TransformersTextEncoder

    place = str(pick_device(device))
    encoder = TransformersTextEncoder(device=place)
    recipe = Recipe(batch=batch, unseen_share=unseen_share)
    run(MotionDataset.open(data), encoder, minutes, place, seed, out, recipe=recipe, progress=print)


def _log_progress() -> None:
    import logging

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")


def main() -> None:
    """Run the command line; errors meant for people are printed as one sentence, exit status 2."""
    try:
        app()
    except StudioError as error:
        print(f"Error: {error}", file=sys.stderr)
        raise SystemExit(2) from error

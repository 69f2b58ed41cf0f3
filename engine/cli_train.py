"""The terminal's verbs for training the base model's networks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli_options import Dataset, Minutes, RewardFolder, RewardModel, Seed, TrainDevice

train_app = typer.Typer(help="Train the base model's networks.", no_args_is_help=True)
STOPPED = 130  # the exit status of what was interrupted

Updates = Annotated[int | None, typer.Option(min=1, help="Updates, instead of minutes.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an unfinished training.")]
Corpus = Annotated[Path, typer.Option(help="Corpus folder.")]
ModelFolder = Annotated[Path, typer.Option(help="Model folder to write.")]
Motions = Annotated[int, typer.Option(min=1, help="Motions per update.")]
Pairs = Annotated[int, typer.Option(min=2, help="Pairs per update.")]
Rate = Annotated[float, typer.Option(help="Learning rate.")]
Layers = Annotated[int, typer.Option(help="Transformer layers.")]
Width = Annotated[int, typer.Option(help="Transformer width.")]
FeedForward = Annotated[int, typer.Option(help="Width inside feed-forward layers.")]
Graph = Annotated[bool, typer.Option(help="Replay updates as CUDA graphs (GPU).")]
Half = Annotated[bool, typer.Option(help="Compute in bf16.")]
Fuse = Annotated[bool, typer.Option(help="Compile the network first.")]


@train_app.command()
def corpus(
    data: Dataset,
    out: Annotated[Path, typer.Option(help="Folder for features and captions.")],
    composed: Annotated[int, typer.Option(min=0, help="Motions composed of two clips.")] = 12_000,
    pool: Annotated[int, typer.Option(min=1, help="Sentences per combination of labels.")] = 300,
    seed: Seed = 0,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0 means one per core.")] = 0,
) -> None:
    """Make what training reads: features, compositions and sentences."""
    from engine.training.corpus import build

    typer.echo(str(build(data, out, composed, pool, seed, jobs)))


@train_app.command()
def vae(
    data: Corpus,
    out: Annotated[Path, typer.Option(help="Model folder to write to.")],
    minutes: Minutes = 3.0,
    updates: Updates = None,
    resume: Resume = False,
    latent_dim: Annotated[int, typer.Option(help="Channels of a latent token.")] = 32,
    frames_per_token: Annotated[int, typer.Option(help="Frames a token stands for.")] = 4,
    decoder_width: Annotated[int, typer.Option(help="Channels of the decoder.")] = 256,
    rate: Rate = 4e-4,
    seed: Seed = 0,
    device: TrainDevice = None,
) -> None:
    """Train the motion VAE."""
    from engine.models.vae import VAEConfig
    from engine.training.loop import Budget
    from engine.training.vae import train as run

    config = VAEConfig(latent_dim, frames_per_token, decoder_width=decoder_width)
    budget = Budget(minutes, updates, resume)
    _train(out, lambda: run(data, out, config, budget, rate, seed, device))


@train_app.command()
def denoiser(
    data: Corpus,
    vae: Annotated[Path, typer.Option(help="Folder of the trained VAE.")],
    out: ModelFolder,
    minutes: Minutes = 5.0,
    updates: Updates = None,
    resume: Resume = False,
    prediction: Annotated[
        str, typer.Option(help="epsilon, v_prediction, sample or flow.")
    ] = "v_prediction",
    batch: Motions = 512,
    rate: Rate = 6e-4,
    layers: Layers = 9,
    width: Width = 256,
    feed_forward: FeedForward = 768,
    patch: Annotated[int, typer.Option(help="Latent tokens read as one.")] = 1,
    graph: Graph = True,
    half: Half = True,
    fuse: Fuse = False,
    seed: Seed = 0,
    device: TrainDevice = None,
) -> None:
    """Train the denoiser on a VAE's latents and write a complete model folder."""
    from engine.training.denoiser import Hyper, train_from_folder
    from engine.training.loop import Budget

    hyper = Hyper(batch=batch, rate=rate, seed=seed, graph=graph, half=half, fuse=fuse)
    budget = Budget(minutes, updates, resume)
    sizes = {"layers": layers, "width": width, "feed_forward": feed_forward, "patch": patch}
    _train(out, lambda: train_from_folder(data, vae, out, sizes, prediction, hyper, budget, device))


@train_app.command()
def mdm(
    data: Corpus,
    out: ModelFolder,
    minutes: Minutes = 7.0,
    updates: Updates = None,
    resume: Resume = False,
    steps: Annotated[int, typer.Option(min=2, max=1000, help="Steps of the diffusion.")] = 50,
    batch: Motions = 256,
    rate: Rate = 4e-4,
    layers: Layers = 8,
    width: Width = 384,
    feed_forward: FeedForward = 1024,
    graph: Graph = True,
    half: Half = True,
    fuse: Fuse = False,
    seed: Seed = 0,
    device: TrainDevice = None,
) -> None:
    """Train a diffusion over frames (MDM), without a VAE, and write a complete model folder."""
    from engine.training.loop import Budget
    from engine.training.motion_space import Hyper, train_from_folder

    hyper = Hyper(batch=batch, rate=rate, seed=seed, graph=graph, half=half, fuse=fuse)
    budget = Budget(minutes, updates, resume)
    sizes = {"layers": layers, "width": width, "feed_forward": feed_forward}
    _train(out, lambda: train_from_folder(data, out, sizes, steps, hyper, budget, device))


@train_app.command()
def reward(
    data: Corpus,
    out: RewardFolder,
    model: RewardModel = "base",
    minutes: Minutes = 2.0,
    updates: Updates = None,
    resume: Resume = False,
    batch: Pairs = 512,
    rate: Rate = 1e-3,
    graph: Graph = False,
    half: Half = True,
    seed: Seed = 0,
    device: TrainDevice = None,
) -> None:
    """Train the reward: text alignment of motions, noisy motions and latents."""
    from engine.models.registry import resolve_model
    from engine.training.loop import Budget
    from engine.training.reward import Hyper
    from engine.training.reward import train as run

    hyper = Hyper(batch=batch, rate=rate, seed=seed, graph=graph, half=half)
    budget = Budget(minutes, updates, resume)
    _train(out, lambda: run(data, resolve_model(model), out, hyper, budget, device))


@train_app.command()
def evaluator(
    data: Dataset,
    out: Annotated[Path, typer.Option(help="Evaluator folder to write.")],
    minutes: Minutes = 2.0,
    updates: Updates = None,
    resume: Resume = False,
    batch: Pairs = 512,
    unseen_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the unseen pairs to learn from.")
    ] = 0.0,
    seed: Seed = 7,
    device: TrainDevice = None,
) -> None:
    """Train the judge: a text-motion evaluator that no other training ever sees."""
    from engine.data.dataset import MotionDataset
    from engine.models.text import TransformersTextEncoder
    from engine.training.evaluator import Recipe
    from engine.training.evaluator import train as run
    from engine.training.loop import Budget
    from engine.training.start import join

    def work() -> None:
        processes, place = join(device)
        encoder = TransformersTextEncoder(device=str(place))
        recipe = Recipe(batch=batch, unseen_share=unseen_share)
        budget = Budget(minutes, updates, resume)
        run(MotionDataset.open(data), encoder, budget, device, seed, out, recipe=recipe,
            processes=processes)  # fmt: skip

    _train(out, work)


def _train(out: Path, work: Callable[[], Any]) -> None:
    """Do the work; the leading process tells of it. Exit status 130 when it was stopped."""
    import logging

    from engine.training.loop import StoppedError

    leads = os.environ.get("RANK", "0") == "0"
    level = logging.INFO if leads else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(message)s")
    try:
        work()
    except StoppedError as stop:
        if leads:
            typer.echo(str(stop))
        raise typer.Exit(STOPPED) from stop
    if leads:
        typer.echo(f"Wrote {out}")

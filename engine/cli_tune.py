"""The terminal's verb for tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli_options import Device, Model
from engine.errors import StudioError

tune_app = typer.Typer()
WITH_RESUME = ("resume", "session", "name", "json")


@tune_app.command()
def tune(
    context: typer.Context,
    prompts: Annotated[
        list[str] | None, typer.Option(help="Prompt pack or file to tune on; repeatable.")
    ] = None,
    model: Model = "base",
    preset: Annotated[str, typer.Option(help="quick, standard or thorough.")] = "quick",
    minutes: Annotated[float | None, typer.Option(help="Time of tuning; else the preset's.")] = (
        None
    ),
    updates: Annotated[
        int | None, typer.Option(help="Optimiser steps, instead of minutes.")
    ] = None,
    reward: Annotated[
        str | None, typer.Option(help="Terms and weights, such as follow=1,feet=0.2.")
    ] = None,
    reward_model: Annotated[
        str, typer.Option(help="Reward network: its name, or a folder that spl wrote.")
    ] = "reward",
    form: Annotated[str | None, typer.Option(help="What the reward reads of a step.")] = None,
    method: Annotated[str | None, typer.Option(help="Tuning method.")] = None,
    weighting: Annotated[str | None, typer.Option(help="How denoising steps count.")] = None,
    trust: Annotated[float | None, typer.Option(help="Weight that holds to the base.")] = None,
    rank: Annotated[int | None, typer.Option(help="Rank of the LoRA layers.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Their scale, times the rank.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Tune whole blocks, no LoRA.")] = False,
    rate: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    batch: Annotated[int | None, typer.Option(help="Motions per pass.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps to tune over.")] = None,
    seed: Annotated[int, typer.Option(help="Decides adapter, batches and noise.")] = 0,
    adapter: Annotated[str | None, typer.Option(help="Adapter to go on from.")] = None,
    device: Device = None,
    name: Annotated[str | None, typer.Option(help="Name of the run: runs/NAME.")] = None,
    session: Annotated[Path | None, typer.Option(help="Folder of the run, elsewhere.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an ended run.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the end as JSON.")] = False,
) -> None:
    """Tune a model by reward on prompts; writes a run folder with an adapter in it."""
    from engine.commands import tune as command
    from engine.tuning.rewards.registry import parse_weights
    from engine.tuning.settings import Settings

    where: dict[str, Any] = {"name": name, "session": session, "json": json}
    if resume:
        _check_alone(context)
        _exit(command.run(command.Request(None, **where)))
        return
    given: dict[str, Any] = {
        "form": form, "method": method, "weighting": weighting, "trust": trust,
        "rank": rank, "alpha": alpha, "minutes": minutes, "updates": updates, "rate": rate,
        "batch": batch, "steps": steps, "adapter": adapter, "device": device,
        "reward": None if reward is None else parse_weights(reward),
    }  # fmt: skip
    settings = Settings(
        prompts=tuple(prompts or ()), model=model, reward_model=reward_model, preset=preset,
        full=full, seed=seed,
        **{key: value for key, value in given.items() if value is not None},
    )  # fmt: skip
    _exit(command.run(command.Request(settings, **where)))


def _exit(well: bool) -> None:
    """Exit status 1 where the run had to be stopped; what it left is a good state all the same."""
    if not well:
        raise typer.Exit(1)


def _check_alone(context: typer.Context) -> None:
    """StudioError where --resume comes with settings: a run keeps those it began with."""
    sources = {key: context.get_parameter_source(key) for key in context.params}
    given = [
        key
        for key, source in sources.items()
        if source is not None and source.name == "COMMANDLINE" and key not in WITH_RESUME
    ]
    if given:
        raise StudioError(
            f"A run goes on with the settings it began with: leave out --{given[0]}, or start a "
            "new run with --adapter."
        )

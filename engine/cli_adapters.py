"""The terminal's verbs for tuned models: list, rename, delete, restore, export, import, merge."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

adapters_app = typer.Typer(help="Tuned models: list, rename, pack, merge.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of a tuned model.")]


@adapters_app.command("list")
def list_all(
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say which tuned models there are, newest first, and where each comes from."""
    from engine.adapters.shelf import entries, lineage

    found = entries()
    if json:
        rows = [{**one.to_dict(), "lineage": lineage(one, found)} for one in found]
        typer.echo(jsonlib.dumps(rows, ensure_ascii=False))
        return
    for one in found:
        way = " > ".join(lineage(one, found))
        goal = ", ".join(f"{term}={weight:g}" for term, weight in one.reward.items())
        typer.echo(f"{one.name}  {one.created[:10]}  {one.bytes / 1e6:.1f} MB  {way}  {goal}")
    if not found:
        typer.echo("There is no tuned model yet. Make one: python -m engine tune --help")


@adapters_app.command()
def rename(name: Name, new: Annotated[str, typer.Argument(help="Its new name.")]) -> None:
    """Give a tuned model another name."""
    from engine.adapters.changes import rename as run

    typer.echo(str(run(name, new).folder))


@adapters_app.command()
def delete(name: Name) -> None:
    """Move a tuned model, with its run, to the trash."""
    from engine.adapters.changes import delete as run

    run(name)
    typer.echo(f"{name} is in the trash. Take it back: python -m engine adapters restore {name}")


@adapters_app.command()
def restore(name: Annotated[str, typer.Argument(help="Name it had.")]) -> None:
    """Take a tuned model back from the trash."""
    from engine.adapters.changes import restore as run

    typer.echo(str(run(name).folder))


@adapters_app.command()
def empty() -> None:
    """Delete for good what is in the trash."""
    from engine.adapters.changes import empty as run

    typer.echo(f"{run()} deleted.")


@adapters_app.command()
def export(
    name: Name,
    output: Annotated[Path | None, typer.Option(help="File to write; else NAME.zip.")] = None,
) -> None:
    """Write a tuned model with its card as one zip file."""
    from engine.adapters.parcel import export as run

    typer.echo(str(run(name, output)))


@adapters_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A zip that `adapters export` wrote.")],
    name: Annotated[str | None, typer.Option(help="Name it gets; else its own.")] = None,
) -> None:
    """Take a tuned model from a zip file, checked."""
    from engine.adapters.parcel import import_zip

    typer.echo(str(import_zip(file, name).folder))


@adapters_app.command()
def merge(
    name: Name,
    output: Annotated[Path | None, typer.Option(help="Folder; else checkpoints/NAME.")] = None,
    strength: Annotated[float, typer.Option(help="Of the tuned model, 0 to 1.5.")] = 1.0,
    model: Annotated[str, typer.Option(help="Its base: a name or a folder.")] = "base",
) -> None:
    """Write base and tuned model as one model folder that needs no adapter."""
    from engine.adapters.merge import merge as run

    typer.echo(str(run(name, output, strength, model)))

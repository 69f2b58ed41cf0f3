"""The terminal's verbs for votes and what is learned from them: spl, votes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli_options import Minutes, RewardFolder, RewardModel, TrainDevice

preference_app = typer.Typer()
votes_app = typer.Typer(help="Export, import and count votes.", no_args_is_help=True)
preference_app.add_typer(votes_app, name="votes")
Database = Annotated[
    str | None, typer.Option(help="File or SQLAlchemy address; default votes/votes.sqlite.")
]


@preference_app.command()
def spl(
    output: RewardFolder,
    reward: Annotated[str, typer.Option(help="Reward to begin with.")] = "base",
    data: Annotated[Path | None, typer.Option(help="Corpus folder.")] = None,
    votes: Annotated[
        str | None, typer.Option(help="Vote database: a file or an SQLAlchemy address.")
    ] = None,
    minutes: Minutes = 2.0,
    model: RewardModel = "base",
    seed: Annotated[int, typer.Option(min=0, help="Seed.")] = 0,
    device: TrainDevice = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run there.")] = False,
) -> None:
    """Learn a reward from its own mistakes on a corpus, from votes, or from both."""
    from engine.preference.plan import Request

    request = Request(output, reward, model, data, votes, minutes, seed, device, resume)
    from engine.preference.learn import learn

    learn(request, typer.echo)
    typer.echo(f"Wrote {output}")


@votes_app.command("export")
def export_votes(
    output: Annotated[Path, typer.Option(help="Folder to write.")],
    votes: Database = None,
) -> None:
    """Write votes as JSONL of prompt, chosen and rejected, with their motions, and a CSV."""
    from engine.preference.exchange import export
    from engine.preference.store import Store

    written = export(Store.open(votes), output)
    typer.echo(f"{output}: {written.votes} votes, {written.motions} motions")


@votes_app.command("import")
def import_votes(
    folder: Annotated[Path, typer.Argument(help="Folder with preferences.jsonl.")],
    votes: Database = None,
) -> None:
    """Add the votes of an export; what is known already is not counted again."""
    from engine.preference.exchange import load
    from engine.preference.store import Store

    written = load(Store.open(votes), folder)
    typer.echo(f"{written.votes} new votes, {written.motions} motions")

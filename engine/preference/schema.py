"""Tables of the vote store, their version, and how older versions become this one."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sql
from sqlalchemy import Connection, MetaData

from engine.errors import StudioError

VERSION = 2
LOCK = 5_120_703_311  # PostgreSQL's advisory lock while tables are made or changed

metadata = MetaData()

version_table = sql.Table("schema_version", metadata, sql.Column("version", sql.Integer))

motions = sql.Table(
    "motions",
    metadata,
    sql.Column("hash", sql.String(64), primary_key=True),
    sql.Column("frames", sql.Integer, nullable=False),
    sql.Column("seed", sql.BigInteger),
    sql.Column("model", sql.Text, nullable=False),
)

pairs = sql.Table(
    "pairs",
    metadata,
    sql.Column("id", sql.String(32), primary_key=True),
    sql.Column("prompt", sql.Text, nullable=False),
    sql.Column("first", sql.ForeignKey("motions.hash"), nullable=False),
    sql.Column("second", sql.ForeignKey("motions.hash"), nullable=False),
    sql.Column("source", sql.String(32), nullable=False),
    sql.Column("first_label", sql.Text, nullable=False),
    sql.Column("second_label", sql.Text, nullable=False),
    sql.Column("real", sql.ForeignKey("motions.hash")),  # since version 2
    sql.CheckConstraint("first <> second"),
)

# Only ever added to. An undo is a row of its own that names the vote it takes back.
votes = sql.Table(
    "votes",
    metadata,
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("key", sql.String(120), nullable=False, unique=True),
    sql.Column("pair", sql.ForeignKey("pairs.id"), nullable=False),
    sql.Column("choice", sql.String(8), nullable=False),
    sql.Column("swapped", sql.Boolean, nullable=False),
    sql.Column("blind", sql.Boolean, nullable=False),
    sql.Column("reasons", sql.Text, nullable=False),
    sql.Column("voter", sql.String(120), nullable=False),
    sql.Column("created", sql.Double, nullable=False),
    sql.CheckConstraint("choice IN ('left', 'right', 'tie', 'bad')"),
)

undos = sql.Table(
    "undos",
    metadata,
    sql.Column("vote", sql.ForeignKey("votes.key"), primary_key=True),
    sql.Column("created", sql.Double, nullable=False),
)


def prepare(connection: Connection, where: str) -> None:
    """Make the tables, or bring older ones up to date, all of it or nothing.

    `connection` is in a transaction that nobody else writes beside. StudioError for newer tables.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sql.text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    if not sql.inspect(connection).has_table(version_table.name):
        metadata.create_all(connection)
        connection.execute(version_table.insert().values(version=VERSION))
        return
    found = connection.execute(sql.select(version_table.c.version)).scalar_one_or_none()
    if not isinstance(found, int) or not 1 <= found <= VERSION:
        raise StudioError(
            f"The votes in {where} are of version {found}; this program reads versions up to "
            f"{VERSION}. Update the program."
        )
    for step in range(found, VERSION):
        _STEPS[step](connection)
        connection.execute(version_table.update().values(version=step + 1))


def _add_real(connection: Connection) -> None:
    """1 to 2: pairs may name a recorded motion of their prompt."""
    connection.execute(
        sql.text("ALTER TABLE pairs ADD COLUMN real VARCHAR(64) REFERENCES motions (hash)")
    )


_STEPS: dict[int, Callable[[Connection], None]] = {1: _add_real}

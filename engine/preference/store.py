"""The vote store: motions as files, votes in SQLite or any database that SQLAlchemy knows.

Votes are only added, never changed; a key counts once. Motions are written before the rows that
name them, and rows of one vote in one transaction: whatever breaks in between, a vote is stored
whole or not at all, and storing it again is safe.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from engine.errors import StudioError
from engine.files import make_folder
from engine.models.registry import home
from engine.motion.motion import Motion
from engine.preference import schema
from engine.preference.motions import MotionFiles
from engine.preference.records import Pair, Vote

WAIT_SECONDS = 30.0  # for another writer, before giving up
TRIES = 5
_FULL = ("disk is full", "No space left", "disk full", "could not extend file")
_DAMAGE = ("file is not a database", "malformed", "not a database", "disk image")


def default_database() -> Path:
    """Where votes lie unless a database is named."""
    return home() / "votes" / "votes.sqlite"


class Store:
    """Votes and the motions they are about; may be used from several threads and processes."""

    def __init__(self, engine: Engine, files: MotionFiles, where: str) -> None:
        self.engine, self.files, self.where = engine, files, where
        with self._write() as connection:
            schema.prepare(connection, where)

    @classmethod
    def open(cls, database: Path | str | None = None, motions: Path | None = None) -> Store:
        """A file, an SQLAlchemy URL, or the default place; tables are made where there are none.

        Motions lie in `motions`; by default beside an SQLite file, and in `home()/votes` for a
        database elsewhere. Raises StudioError for what is no database, damaged (it is left as it
        is), or from a newer version.
        """
        text = str(database or default_database())
        if "://" not in text:
            path = Path(text).expanduser().absolute()
            make_folder(path.parent)
            engine = _sqlite(f"sqlite:///{path}")
            return cls(engine, MotionFiles(motions or path.parent / "motions"), str(path))
        try:
            url = make_url(text)
            if url.get_backend_name() == "sqlite":
                return cls.open(url.database or ":memory:", motions)
            engine = sql.create_engine(url, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise StudioError(
                f"The database address cannot be used ({error}). Give a file, or an SQLAlchemy "
                "address such as postgresql+psycopg://user@host/name, with its driver installed."
            ) from error
        folder = motions or default_database().parent / "motions"
        return cls(engine, MotionFiles(folder), url.render_as_string(hide_password=True))

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def add_motion(self, motion: Motion) -> str:
        """Store a motion's file; returns its hash, by which pairs name it."""
        return self.files.add(motion)

    def motion(self, name: str) -> Motion:
        """A motion exactly as it was stored."""
        return self.files.get(name)

    def add(self, votes: Sequence[Vote]) -> int:
        """Store votes, all or none; those whose key is known count as stored. Returns the new ones.

        The motions of their pairs must have been added. Raises StudioError when the disk is full
        or when the key is known for another answer.
        """
        facts = {name: self._facts(name) for name in dict.fromkeys(_names(votes))}
        for attempt in range(TRIES):
            try:
                with self._write() as connection:
                    return sum(_insert(connection, vote, facts) for vote in votes)
            except IntegrityError:
                if attempt == TRIES - 1:
                    raise StudioError("The votes were not stored. Try again.") from None
        raise AssertionError

    def undo(self, key: str) -> bool:
        """Take a vote back by a row of its own; whether that was news. StudioError without vote."""
        with self._write() as connection:
            known = sql.select(schema.votes.c.number).where(schema.votes.c.key == key)
            if connection.execute(known).first() is None:
                raise StudioError("There is no such vote to take back.")
            row = {"vote": key, "created": time.time()}
            try:
                return _insert_once(connection, schema.undos, row, "vote")
            except IntegrityError:  # somebody else took it back at the same moment
                return False

    def votes(self, voter: str | None = None) -> list[Vote]:
        """Votes that count (not taken back), oldest first."""
        v, p = schema.votes, schema.pairs
        gone = sql.select(schema.undos.c.vote)
        query = sql.select(v, *(c.label(f"pair_{c.name}") for c in p.columns)).join(p)
        query = query.where(v.c.key.not_in(gone)).order_by(v.c.number)
        if voter is not None:
            query = query.where(v.c.voter == voter)
        with self._read() as connection:
            return [_vote(row) for row in connection.execute(query).mappings()]

    def models(self) -> dict[str, str]:
        """Which model made each motion, by the motion's hash."""
        query = sql.select(schema.motions.c.hash, schema.motions.c.model)
        with self._read() as connection:
            return {row.hash: row.model for row in connection.execute(query)}

    def _facts(self, name: str) -> dict[str, Any]:
        motion = self.motion(name)
        seed = motion.seed if motion.seed is not None and motion.seed < 2**63 else None
        return {"hash": name, "frames": motion.frames, "seed": seed, "model": motion.model}

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._told(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._told(), self.engine.connect() as connection:
            yield connection.execution_options(reads=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Database errors as sentences."""
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise StudioError(_explain(str(error.orig), self.where)) from error


def _sqlite(address: str) -> Engine:
    """WAL, synced at every commit, foreign keys, and transactions that begin as writers.

    A transaction that only later turns out to write could fail because of another writer at once,
    without waiting.
    """
    engine = sql.create_engine(address, connect_args={"timeout": WAIT_SECONDS})

    @sql.event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        for line in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {line}")

    @sql.event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        reads = connection.get_execution_options().get("reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _explain(reason: str, where: str) -> str:
    if any(word in reason for word in _FULL):
        return f"The disk is full: the vote was not stored in {where}. Free some space; vote again."
    if any(word in reason for word in _DAMAGE):
        return (
            f"The votes in {where} are damaged ({reason}). The file was left as it is: move it "
            "away to begin a new one, or put a copy back."
        )
    if "readonly" in reason or "unable to open" in reason:
        return f"Votes cannot be written to {where} ({reason}). Choose another place."
    if "locked" in reason:
        return f"Another program keeps {where} to itself. Close it and vote again."
    return f"The vote database {where} does not answer: {reason.splitlines()[0]}"


def _names(votes: Sequence[Vote]) -> Iterator[str]:
    for vote in votes:
        yield from filter(None, (vote.pair.first, vote.pair.second, vote.pair.real))


def _insert(connection: Connection, vote: Vote, facts: dict[str, dict[str, Any]]) -> bool:
    """Rows of one vote; whether it is new."""
    pair = vote.pair
    for name in _names([vote]):
        _insert_once(connection, schema.motions, facts[name], "hash")
    row = {name: getattr(pair, name) for name in (c.name for c in schema.pairs.columns)}
    _insert_once(connection, schema.pairs, row, "id")
    stored = _pair_of(connection, pair.id)
    # The pair may have been stored the other way round: what counts is who stood where.
    swapped = vote.swapped != (stored.first != pair.first)
    values = {
        "key": vote.key, "pair": pair.id, "choice": vote.choice, "swapped": swapped,
        "blind": vote.blind, "reasons": json.dumps(vote.reasons), "voter": vote.voter,
        "created": vote.created or time.time(),
    }  # fmt: skip
    if _insert_once(connection, schema.votes, values, "key"):
        return True
    table = schema.votes.c
    known = connection.execute(sql.select(table.pair, table.choice).where(table.key == vote.key))
    if known.one() != (pair.id, vote.choice):
        raise StudioError("This pair has another vote already. Take it back first.")
    return False


def _insert_once(
    connection: Connection, table: sql.Table, values: dict[str, Any], key: str
) -> bool:  # fmt: skip
    """Insert unless a row of that key is there; whether it was inserted.

    In SQLite nobody writes between the two statements. Elsewhere somebody may: then the insert
    fails as a duplicate, and `add` does the whole transaction again.
    """
    if connection.execute(sql.select(table.c[key]).where(table.c[key] == values[key])).first():
        return False
    connection.execute(table.insert().values(**values))
    return True


def _pair_of(connection: Connection, name: str) -> Pair:
    rows = connection.execute(sql.select(schema.pairs).where(schema.pairs.c.id == name))
    row = rows.mappings().one()
    return Pair(**{key: value for key, value in row.items() if key != "id"})


def _vote(row: Any) -> Vote:
    pair = {key[5:]: value for key, value in row.items() if key.startswith("pair_")}
    pair.pop("id")
    return Vote(
        Pair(**pair), row["choice"], row["voter"], bool(row["swapped"]), bool(row["blind"]),
        tuple(json.loads(row["reasons"])), row["key"], row["created"],
    )  # fmt: skip

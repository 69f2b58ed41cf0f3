"""The vote store in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sql

from engine.preference import schema
from engine.preference.records import Vote
from engine.preference.store import Store
from tests.preference.postgres import server
from tests.preference.votes import add_pair, fill


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server() as found:
        yield found


@pytest.fixture
def empty(address: str) -> str:
    engine = sql.create_engine(address)
    schema.metadata.drop_all(engine)
    engine.dispose()
    return address


def test_votes_in_postgres(empty: str, tmp_path: Path) -> None:
    store = Store.open(empty, tmp_path)
    made = fill(store, 4)
    assert store.add(made) == 0
    assert store.undo(made[1].key) and not store.undo(made[1].key)
    again = Store.open(empty, tmp_path)
    assert again.votes() == [made[0], made[2], made[3]]
    assert "tester" in store.where or "EASYTUNE" not in store.where
    for one in (store, again):
        one.close()


def test_two_writers_in_postgres_begin_together_and_count_once(empty: str, tmp_path: Path) -> None:
    def work(name: str) -> int:
        store = Store.open(empty, tmp_path)  # both find no tables
        pair = add_pair(store, 1, 2)
        new = 0
        for k in range(20):
            new += store.add([Vote(pair, "left", key=f"both-{k}")])
            store.add([Vote(pair, "left", key=f"{name}-{k}")])
        store.close()
        return new

    with ThreadPoolExecutor(2) as pool:
        new = sum(pool.map(work, ("a", "b")))
    store = Store.open(empty, tmp_path)
    keys = [vote.key for vote in store.votes()]
    store.close()
    assert new == 20 and len(keys) == len(set(keys)) == 60


def test_an_old_postgres_database_is_brought_up_to_date(empty: str, tmp_path: Path) -> None:
    store = Store.open(empty, tmp_path)
    made = fill(store, 2)
    with store.engine.begin() as connection:
        connection.execute(sql.text("ALTER TABLE pairs DROP COLUMN real"))
        connection.execute(schema.version_table.update().values(version=1))
    again = Store.open(empty, tmp_path)
    assert again.votes() == made
    for one in (store, again):
        one.close()

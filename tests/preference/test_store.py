"""Votes are kept whatever happens: killed, raced, full, damaged, old, new."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sql

from engine.errors import StudioError
from engine.preference import schema
from engine.preference.records import Pair, Vote
from engine.preference.store import Store
from tests.preference.votes import add_pair, fill, motion, open_store

ROOT = Path(__file__).resolve().parents[2]


def test_a_vote_comes_back_as_it_was_given(tmp_path):
    store = open_store(tmp_path)
    made = fill(store, 4)
    assert open_store(tmp_path).votes() == made
    assert store.votes("voter-1") == [made[1], made[3]]
    # Vote 0 was swapped: what stood left was the second.
    assert made[0].winner == made[0].pair.second and made[0].loser == made[0].pair.first
    assert made[1].winner == made[1].pair.second and made[2].winner is None


def test_motions_are_shown_again_exactly(tmp_path):
    store = open_store(tmp_path)
    name = store.add_motion(motion(3))
    assert store.add_motion(motion(3)) == name
    assert np.array_equal(store.motion(name).joints, motion(3).joints)
    store.files.path(name).write_bytes(store.files.path(store.add_motion(motion(4))).read_bytes())
    with pytest.raises(StudioError, match="was changed"):
        store.motion(name)
    with pytest.raises(StudioError, match="no motion of the store"):
        store.motion("../../etc/passwd")


def test_a_key_counts_once_and_cannot_change_its_answer(tmp_path):
    store = open_store(tmp_path)
    vote = fill(store, 1)[0]
    assert store.add([vote]) == 0 and len(store.votes()) == 1
    with pytest.raises(StudioError, match="another vote already"):
        store.add([Vote(vote.pair, "tie", key=vote.key)])
    assert store.votes() == [vote]


def test_undo_adds_a_row_and_a_new_key_votes_again(tmp_path):
    store = open_store(tmp_path)
    vote = fill(store, 1)[0]
    assert store.undo(vote.key) and not store.undo(vote.key)
    assert store.votes() == []
    assert store.add([vote]) == 0 and store.votes() == []  # a late repetition of the click
    store.add([Vote(vote.pair, "right", key="again")])
    assert [one.choice for one in store.votes()] == ["right"]
    with pytest.raises(StudioError, match="no such vote"):
        store.undo("never")


def test_the_same_pair_the_other_way_round_is_one_pair(tmp_path):
    store = open_store(tmp_path)
    pair = add_pair(store, 1, 2)
    other = Pair(pair.prompt, pair.second, pair.first, "seeds", "seed 2", "seed 1")
    store.add([Vote(pair, "left", key="a"), Vote(other, "left", key="b")])
    a, b = store.votes()
    assert a.pair == b.pair == pair
    assert (a.winner, b.winner) == (pair.first, pair.second)


def test_all_votes_of_one_call_are_stored_or_none(tmp_path):
    store = open_store(tmp_path)
    vote = fill(store, 1)[0]
    fresh = Vote(add_pair(store, 5, 6), "left", key="fresh")
    with pytest.raises(StudioError):
        store.add([fresh, Vote(vote.pair, "tie", key=vote.key)])
    assert store.votes() == [vote]


@pytest.mark.parametrize(
    ("values", "words"),
    [({"choice": "up"}, "left, right, tie or bad"), ({"reasons": ("ugly",)}, "no reason"),
     ({"key": ""}, "needs a key"), ({"voter": "x\n"}, "short text")],
)  # fmt: skip
def test_votes_that_cannot_be_meant_are_refused(values, words):
    with pytest.raises(StudioError, match=words):
        Vote(Pair("walk", "a", "b"), **{"choice": "left", **values})


CRASH = """
import os, signal, sys
from pathlib import Path
import sqlalchemy as sql
import engine.files
from tests.preference.votes import add_pair, open_store
from engine.preference.records import Vote

left = int(sys.argv[2])
def step(*_, **__):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

store = open_store(Path(sys.argv[1]))
replace = Path.replace
def replaced(self, target):
    step()
    done = replace(self, target)
    step()
    return done
Path.replace = replaced
sql.event.listen(store.engine, "before_cursor_execute", step)
sql.event.listen(store.engine, "commit", step)
store.add([Vote(add_pair(store, 8, 9), "left", key="clicked")])
step()
print("stored")
"""


def crash(folder: Path, after: int) -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-c", CRASH, str(folder), str(after)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, check=False)


def test_killed_between_any_two_writes_a_vote_is_whole_or_absent_and_can_be_repeated(tmp_path):
    ready = tmp_path / "ready"
    before = fill(open_store(ready), 2)
    counts = []
    for after in range(100):
        folder = tmp_path / str(after)
        shutil.copytree(ready, folder)
        done = crash(folder, after)
        store = open_store(folder)
        counts.append(len(store.votes()))
        assert store.votes()[:2] == before
        store.add([Vote(add_pair(store, 8, 9), "left", key="clicked")])
        assert [vote.key for vote in store.votes()] == ["key-0", "key-1", "clicked"]
        store.close()
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert len(counts) > 10 and counts == sorted(counts) and {2, 3} == set(counts)


WRITER = """
import sys
from pathlib import Path
from tests.preference.votes import add_pair, open_store
from engine.preference.records import Vote

store = open_store(Path(sys.argv[1]))
pair = add_pair(store, 1, 2)
for k in range(40):
    store.add([Vote(pair, "left", key=f"{sys.argv[2]}-{k}")])
    store.add([Vote(pair, "left", key=f"both-{k}")])
"""


def test_two_processes_vote_at_once_and_nothing_is_lost_or_counted_twice(tmp_path):
    words = [[sys.executable, "-c", WRITER, str(tmp_path), name] for name in ("a", "b")]
    running = [subprocess.Popen(one, cwd=ROOT) for one in words]
    assert [one.wait(120) for one in running] == [0, 0]
    keys = [vote.key for vote in open_store(tmp_path).votes()]
    assert len(keys) == len(set(keys)) == 120


def test_a_full_disk_is_told_and_loses_nothing(tmp_path):
    store = open_store(tmp_path)
    made = fill(store, 2)
    pair = add_pair(store, 7, 8)

    @sql.event.listens_for(store.engine, "begin")
    def _full(connection):
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    votes = [Vote(pair, "left", key=f"much-{k}-" + 100 * "x") for k in range(200)]
    with pytest.raises(StudioError, match="disk is full"):
        store.add(votes)
    assert store.votes() == made


def test_a_damaged_file_is_told_and_left_as_it_is(tmp_path):
    path = tmp_path / "votes.sqlite"
    path.write_bytes(b"this was a database once" * 1000)
    before = path.read_bytes()
    with pytest.raises(StudioError, match=r"damaged.*left as it is|damaged.*left as it was"):
        Store.open(path)
    assert path.read_bytes() == before


def test_damage_inside_is_told(tmp_path):
    store = open_store(tmp_path)
    fill(store, 60)
    store.close()
    path = tmp_path / "votes.sqlite"
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StudioError, match="damaged"):
        Store.open(path).votes()
    assert path.read_bytes() == data


VERSION_1 = """
CREATE TABLE schema_version (version INTEGER);
INSERT INTO schema_version VALUES (1);
CREATE TABLE motions (hash VARCHAR(64) PRIMARY KEY, frames INTEGER NOT NULL, seed BIGINT,
    model TEXT NOT NULL);
CREATE TABLE pairs (id VARCHAR(32) PRIMARY KEY, prompt TEXT NOT NULL,
    first VARCHAR(64) NOT NULL REFERENCES motions (hash),
    second VARCHAR(64) NOT NULL REFERENCES motions (hash), source VARCHAR(32) NOT NULL,
    first_label TEXT NOT NULL, second_label TEXT NOT NULL, CHECK (first <> second));
CREATE TABLE votes (number INTEGER PRIMARY KEY AUTOINCREMENT, key VARCHAR(120) NOT NULL UNIQUE,
    pair VARCHAR(32) NOT NULL REFERENCES pairs (id), choice VARCHAR(8) NOT NULL,
    swapped BOOLEAN NOT NULL, blind BOOLEAN NOT NULL, reasons TEXT NOT NULL,
    voter VARCHAR(120) NOT NULL, created DOUBLE NOT NULL);
CREATE TABLE undos (vote VARCHAR(120) PRIMARY KEY REFERENCES votes (key), created DOUBLE NOT NULL);
"""


def old_database(folder: Path) -> Pair:
    """A store of version 1 with one vote."""
    pair = add_pair(open_store(folder / "other"), 1, 2)
    shutil.copytree(folder / "other" / "motions", folder / "motions")
    with sqlite3.connect(folder / "votes.sqlite") as old:
        old.executescript(VERSION_1)
        for name in (pair.first, pair.second):
            old.execute("INSERT INTO motions VALUES (?, 40, 1, '')", [name])
        old.execute("INSERT INTO pairs VALUES (?, ?, ?, ?, 'seeds', 'a', 'b')",
                    [pair.id, pair.prompt, pair.first, pair.second])  # fmt: skip
        old.execute("INSERT INTO votes VALUES (1, 'k', ?, 'right', 0, 1, '[]', 'v', 5.0)",
                    [pair.id])  # fmt: skip
    old.close()
    return pair


def test_an_old_database_is_brought_up_to_date(tmp_path):
    pair = old_database(tmp_path)
    store = open_store(tmp_path)
    (vote,) = store.votes()
    assert (vote.key, vote.winner, vote.pair.real) == ("k", pair.second, None)
    real = Pair("someone walks", pair.first, pair.second, real=store.add_motion(motion(5)))
    store.add([Vote(real, "bad", key="new")])
    assert [one.pair.real for one in store.votes()] == [None, real.real]


def test_a_migration_that_breaks_off_changes_nothing(tmp_path, monkeypatch):
    old_database(tmp_path)

    def broken(connection):
        connection.execute(sql.text("ALTER TABLE pairs ADD COLUMN half VARCHAR(3)"))
        raise StudioError("broken off")

    monkeypatch.setitem(schema._STEPS, 1, broken)
    with pytest.raises(StudioError, match="broken off"):
        open_store(tmp_path)
    monkeypatch.undo()
    assert len(open_store(tmp_path).votes()) == 1
    with sqlite3.connect(tmp_path / "votes.sqlite") as raw:
        assert "half" not in [row[1] for row in raw.execute("PRAGMA table_info(pairs)")]
    raw.close()


def test_a_newer_database_is_refused(tmp_path):
    store = open_store(tmp_path)
    with store.engine.begin() as connection:
        connection.execute(schema.version_table.update().values(version=schema.VERSION + 1))
    with pytest.raises(StudioError, match="Update the program"):
        open_store(tmp_path)


@pytest.mark.parametrize("address", ["nothing://x", "postgresql+nothing://x/y", "://"])
def test_addresses_of_no_database_are_told(address):
    with pytest.raises(StudioError, match="database address"):
        Store.open(address)

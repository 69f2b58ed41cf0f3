"""Votes leave and come back as files; what comes in is checked."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.errors import StudioError
from engine.preference.exchange import DECIDED, SUMMARY, UNDECIDED, export, load
from engine.preference.records import Vote
from tests.preference.votes import add_pair, fill, open_store


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    store = open_store(tmp_path / "from")
    fill(store, 8)
    export(store, tmp_path / "out")
    return tmp_path / "out"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_chosen_and_rejected_are_what_was_voted(tmp_path, exported):
    store = open_store(tmp_path / "from")
    decided = [vote for vote in store.votes() if vote.winner]
    for entry, vote in zip(lines(exported / DECIDED), decided, strict=True):
        assert {"prompt", "chosen", "rejected"} <= set(entry)
        assert entry["chosen"] == f"motions/{vote.winner}.npz"
        assert entry["rejected"] == f"motions/{vote.loser}.npz"
        with np.load(exported / entry["chosen"], allow_pickle=False) as file:
            assert np.array_equal(file["joints"], store.motion(vote.winner).joints)
    assert [entry["choice"] for entry in lines(exported / UNDECIDED)] == ["tie", "bad"] * 2
    table = list(csv.DictReader((exported / SUMMARY).open()))
    assert table == [{"prompt": "a person walks", "votes": "8", "left": "2", "right": "2",
                      "tie": "2", "bad": "2", "pairs": "8", "voters": "2"}]  # fmt: skip


def test_what_was_exported_comes_back_and_counts_once(tmp_path, exported):
    store = open_store(tmp_path / "to")
    assert load(store, exported).votes == 8
    assert load(store, exported).votes == 0
    before = {v.key: v for v in open_store(tmp_path / "from").votes()}
    for vote in store.votes():
        old = before[vote.key]
        assert (vote.winner, vote.choice, vote.reasons, vote.voter, vote.created, vote.blind) == (
            old.winner, old.choice, old.reasons, old.voter, old.created, old.blind)  # fmt: skip
        assert {vote.pair.first, vote.pair.second} == {old.pair.first, old.pair.second}
        assert vote.pair.id == old.pair.id
    again = tmp_path / "again"
    export(store, again)
    assert sorted(e["key"] for e in lines(again / DECIDED)) == sorted(
        e["key"] for e in lines(exported / DECIDED)
    )


def test_files_of_other_programs_need_three_columns(tmp_path, exported):
    plain = [{key: entry[key] for key in ("prompt", "chosen", "rejected")}
             for entry in lines(exported / DECIDED)]  # fmt: skip
    (exported / DECIDED).write_text("".join(json.dumps(entry) + "\n" for entry in plain))
    (exported / UNDECIDED).unlink()
    store = open_store(tmp_path / "to")
    assert (load(store, exported).votes, load(store, exported).votes) == (4, 0)
    assert [v.winner for v in store.votes()] == [Path(e["chosen"]).stem for e in plain]


def nan(folder: Path, name: str) -> None:
    with np.load(folder / name, allow_pickle=False) as file:
        arrays = dict(file)
    arrays["joints"][3, 4] = np.nan
    np.savez(folder / name, **arrays)


def pickled(folder: Path, name: str) -> None:
    np.savez(folder / name, joints=np.array([{"a": 1}], dtype=object))


def short(folder: Path, name: str) -> None:
    np.savez(folder / name, joints=np.zeros((3, 22, 3), np.float32))


def huge(folder: Path, name: str) -> None:
    np.savez_compressed(folder / name, joints=np.zeros((10_000_000, 3), np.float64))


@pytest.mark.parametrize("spoil", [nan, pickled, short, huge])
def test_bad_motions_are_refused_and_nothing_is_stored(tmp_path, exported, spoil):
    entry = lines(exported / DECIDED)[2]
    spoil(exported, entry["rejected"])
    store = open_store(tmp_path / "to")
    with pytest.raises(StudioError, match=f"{DECIDED}, line 3"):
        load(store, exported)
    assert store.votes() == [] and not (tmp_path / "to" / "motions").exists()


@pytest.mark.parametrize(
    "change",
    [{"chosen": "../secret.npz"}, {"chosen": "/etc/passwd"}, {"chosen": "link.npz"},
     {"chosen": "motions/none.npz"}, {"chosen": 3}, {"chosen": "preferences.jsonl"},
     {"prompt": ""}, {"prompt": 7}, {"prompt": "x" * 501}, {"choice": "tie"}, {"choice": "up"},
     {"reasons": "feet slide"}, {"reasons": ["ugly"]}, {"created": float("nan")},
     {"source": "magic"}, {"key": 5}, {"voter": "x" * 300}, {"chosen": None}],
    ids=str,
)  # fmt: skip
def test_bad_lines_are_refused_by_number(tmp_path, exported, change):
    shutil.copy(exported / lines(exported / DECIDED)[0]["chosen"], tmp_path / "secret.npz")
    (exported / "link.npz").symlink_to(tmp_path / "secret.npz")
    entries = lines(exported / DECIDED)
    entries[1] |= change
    (exported / DECIDED).write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    store = open_store(tmp_path / "to")
    with pytest.raises(StudioError, match=f"{DECIDED}, line 2"):
        load(store, exported)
    assert store.votes() == []


@pytest.mark.parametrize("text", ["[1, 2]\n", "{\n", "[" * 15_000 + "\n", "x" * 30_000])
def test_lines_that_are_no_objects_are_refused(tmp_path, exported, text):
    (exported / DECIDED).write_text(text)
    with pytest.raises(StudioError, match="line 1"):
        load(open_store(tmp_path / "to"), exported)


def test_a_prompt_cannot_become_a_formula(tmp_path):
    store = open_store(tmp_path / "from")
    store.add([Vote(add_pair(store, 1, 2, "=cmd() walks"), "left", key="k")])
    export(store, tmp_path / "out")
    assert (tmp_path / "out" / SUMMARY).read_text().splitlines()[1].startswith("'=cmd")

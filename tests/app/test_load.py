"""The load script notices what it is there for: lost and crossed results."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.load import crowd, figures, mistakes, repeated
from tests.app.serving import fake_page

WISH = {"prompt": "a person walks, number 3", "seconds": 2.0, "seed": 4001}


def answer(**changed):
    made = {"seed": 4001, "command": "generate '...' --seed 4001 --samples 1", **changed}
    return {"motions": [{"seed": made["seed"]}], "command": made["command"]}


def archive(**changed):
    return {"prompt": WISH["prompt"], "seed": 4001, "joints": np.zeros((40, 22, 3)), **changed}


@pytest.mark.parametrize(
    ("told", "held", "word"),
    [
        (answer(), archive(prompt="a person runs, number 4"), "prompt"),
        (answer(), archive(seed=5001), "seed"),
        (answer(), archive(joints=np.zeros((44, 22, 3))), "frames"),
        (answer(seed=5001), archive(), "label's seed"),
        (answer(command="generate '...' --seed 40011"), archive(), "command"),
    ],
)
def test_crossed_answers_are_found(told, held, word):
    assert mistakes(WISH, answer(), archive()) == []
    assert [words.split(":")[1].split()[0] for words in mistakes(WISH, told, held)] == [
        word.split()[0]
    ]


def test_a_small_crowd_is_measured(tmp_path):
    with fake_page(tmp_path, delay=0.01) as address:
        people = crowd(address, 3, 0.5, tmp_path / "got")
        again = repeated(address, people, tmp_path)
    found = figures(people, 0.5)
    assert (found["lost"], found["crossed"], again) == (0, 0, [])
    assert found["fewest_answers_of_a_user"] >= 1
    assert 0 < found["latency_seconds"]["p50"] <= found["latency_seconds"]["longest"]
    prompt, joints = people[0].first
    people[0].first = ({**prompt, "seed": prompt["seed"] + 1}, joints)
    with fake_page(tmp_path, delay=0.01) as address:
        assert "is another motion" in repeated(address, people[:1], tmp_path)[0]

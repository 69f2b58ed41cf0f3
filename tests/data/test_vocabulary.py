"""The vocabulary page: levels from counts and rates, mirrored twins, what is not known."""

from __future__ import annotations

import json

import pytest

from engine.data.clip import Clip
from engine.data.vocabulary import NOT, ROUGHLY, WELL, entries, level, markdown, read_rates
from engine.errors import StudioError


def clips(content: str, takes: int, style: str = "neutral", split: str = "train") -> list[Clip]:
    return [
        Clip(f"{content}-{n}", "made", "t", f"{content}-{style}-{n}", "", content, style, (), 60,
             split, "none")
        for n in range(takes)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("takes", "rate", "expected"),
    [
        (0, None, NOT), (0, 1.0, NOT), (1, None, ROUGHLY), (9, 1.0, ROUGHLY), (10, None, WELL),
        (10, 0.8, WELL), (10, 0.79, ROUGHLY), (100, 0.49, NOT), (1, 0.5, ROUGHLY), (1, 0.0, NOT),
    ],
)  # fmt: skip
def test_levels_follow_the_rule(takes, rate, expected):
    assert level(takes, rate) == expected


def test_a_mirrored_twin_shares_takes():
    found = {e.label: e for e in entries(clips("wave-left-hand", 7) + clips("kick", 12), {})}
    assert (found["wave-right-hand"].clips, found["wave-right-hand"].mirrored) == (0, 7)
    assert found["wave-right-hand"].takes == found["wave-left-hand"].takes == 7
    assert found["kick-mirrored"].level == WELL
    assert "left leg" in found["kick-mirrored"].title
    assert found["walk"].level == NOT


def test_only_training_counts():
    held_out = clips("squat", 20, split="test") + clips("squat", 20, split="unseen")
    found = {e.label: e for e in entries(held_out, {})}
    assert found["squat"].takes == 0


def test_a_measured_failure_moves_to_the_list_of_unknown_things():
    data = clips("squat", 20) + clips("walk", 30)
    page = markdown(data, {"squat": 0.2, "then:walk+squat": 0.9}, "result.json")
    known, unknown = page.split("## Not known")
    assert "`squat` | 20" not in known
    assert "`squat` | 20" in unknown
    assert "| `then:walk+squat` | 90% |" in known
    assert "`result.json`" in known
    assert "`crawl`" in unknown.split("Recorded, but")[0], "what was never recorded is listed"


def test_rates_are_found_alone_and_inside_a_quality_result(tmp_path):
    path = tmp_path / "result.json"
    for value in ({"by_label": {"walk": 0.5}}, {"suite": {"by_label": {"walk": 0.5}}}):
        path.write_text(json.dumps(value))
        assert read_rates(path) == {"walk": 0.5}


@pytest.mark.parametrize(
    "value", ["[]", "{}", '{"suite": 3}', '{"by_label": {"walk": "good"}}', '{"by_label": []}', "x"]
)
def test_a_file_without_rates_is_refused(tmp_path, value):
    path = tmp_path / "result.json"
    path.write_text(value)
    with pytest.raises(StudioError):
        read_rates(path)

"""Wishes of the Compare tab: what is refused, what counts as the same, and names that are paths."""

from __future__ import annotations

import numpy as np
import pytest

from app import pack_scene
from app.compare_engine import choice, start_pack
from app.compare_inputs import (
    BASE,
    NONE,
    PackWish,
    SideWish,
    check_differ,
    make_compare_wish,
    make_pack_wish,
    make_side,
)
from engine.compare.choice import ModelChoice
from engine.compare.pack import PackResult
from engine.errors import StudioError
from engine.evaluation.comparison import Comparison
from engine.motion.motion import Motion
from engine.tuning.prompts import Prompt
from tests.app.walking import walking

USUAL = 3.0
ALONE = [BASE, 1.0, NONE, 0.5, USUAL]
TUNED = ["feet", 0.7, NONE, 0.5, USUAL]


def test_sides_say_what_they_stand_for():
    wish = make_compare_wish("walk", 2.0, 7, ALONE, ["feet", 1, "text", 0.5, 6], USUAL)
    assert wish.left == SideWish()
    assert wish.right == SideWish((("feet", 1.0), ("text", 0.5)), 6.0)
    assert make_side([BASE, 1.5, "text", 0.5, USUAL], USUAL) == SideWish((("text", 0.5),))


@pytest.mark.parametrize(
    ("side", "words"),
    [
        (["feet", 1.6, NONE, 0.5, USUAL], "strength must be"),
        (["feet", float("nan"), NONE, 0.5, USUAL], "strength must be"),
        (["feet", 1.0, "feet", 0.5, USUAL], "blended with itself"),
        (["feet", 1.0, NONE, 0.5, 99], "guidance must be"),
    ],
)
def test_wrong_sides_are_refused(side, words):
    with pytest.raises(StudioError, match=words):
        make_compare_wish("walk", 2.0, 7, ALONE, side, USUAL)


def test_two_sides_that_are_the_same_model_are_refused():
    with pytest.raises(StudioError, match="Both sides are the same"):
        make_pack_wish("Sport", 7, ALONE, [BASE, 0.3, NONE, 0.9, USUAL], USUAL)
    check_differ(make_side(TUNED, USUAL), make_side([*TUNED[:1], 0.8, *TUNED[2:]], USUAL))


@pytest.mark.parametrize("name", ["../base", "/etc", "nobody", "adapters/feet"])
def test_models_are_names_and_never_paths(name):
    with pytest.raises(StudioError, match="no tuned model called"):
        choice(SideWish(((name, 1.0),)))


def test_packs_are_names_and_never_paths():
    with pytest.raises(StudioError, match="from the list"):
        start_pack(PackWish("../../app", 7, SideWish(), SideWish((), 5.0)))


def result(gaps):
    prompts = tuple(Prompt.make(f"walk {k}", 1.0) for k in range(len(gaps)))
    motions = tuple(Motion(walking(1.0, k), p.text, k, "fake") for k, p in enumerate(prompts))
    left = np.full(len(gaps), 0.5)
    choices = ModelChoice(), ModelChoice(guidance=5.0)
    measured = Comparison(len(gaps), len(gaps), {})
    return PackResult(
        prompts, tuple(range(len(gaps))), choices, (motions, motions), (left, left + gaps), measured
    )  # fmt: skip


def test_the_grid_holds_every_prompt_with_both_scores():
    value = pack_scene.grid_value(result([0.1, -0.2, 0.0]))
    assert [tile["scores"] for tile in value["tiles"]] == [
        ["0.50", "0.60"], ["0.50", "0.30"], ["0.50", "0.50"],
    ]  # fmt: skip
    assert [tile["better"] for tile in value["tiles"]] == [1, 0, -1]
    assert value["accents"] == ("base", "other")
    assert {m["accent"] for m in value["tiles"][0]["motions"]} == {"base", "other"}


def test_win_rates_are_said_with_their_interval():
    value = pack_scene.rate_value(result([0.1] * 9 + [-0.1, 0.0, 0.0]))
    assert [side["share"] for side in value["sides"]] == pytest.approx([1 / 12, 9 / 12], abs=1e-3)
    assert "better on 9 prompts, base on 1, 2 alike: 90% (95 %: 60% to 98%)." in value["text"]
    assert "no clear win" in pack_scene.rate_value(result([0.1, 0.1, -0.1]))["text"]
    assert "equally well" in pack_scene.rate_value(result([0.0]))["text"]

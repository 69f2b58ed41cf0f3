"""Every wrong wish is refused with a sentence; every right one arrives unchanged."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inputs import MAX_SEED, make_wish
from engine.errors import StudioError

GOOD = {
    "prompt": "a person waves", "seconds": 4.0, "seed": 7, "samples": 2, "guidance": 3.0,
    "steps": 10, "model": "base",
}  # fmt: skip


def wish(**changes):
    return make_wish(**{**GOOD, **changes})


def test_good_wish_keeps_its_values():
    made = wish(prompt="  a person\n waves \t", seed=7.0, seconds=2.52)
    assert made.prompt == "a person waves"
    assert made.seconds == 2.5  # to the nearest frame
    assert made.seeds == [7, 8]
    assert isinstance(made.seed, int)


@pytest.mark.parametrize("prompt", [None, "", "   ", "\n\t", "!?", "\x00\x01", "😀😀", 0])
def test_prompts_without_words(prompt):
    with pytest.raises(StudioError, match="Describe a movement"):
        wish(prompt=prompt if prompt != 0 else "")


def test_long_prompt_is_counted():
    with pytest.raises(StudioError, match="10,000 characters"):
        wish(prompt="a" * 10_000)
    assert wish(prompt="a" * 500).prompt == "a" * 500


@pytest.mark.parametrize("prompt", ["<b>wave</b>", "walk 😀", "走る", "${wave}", "-rf wave"])
def test_odd_prompts_are_kept_as_they_are(prompt):
    assert wish(prompt=prompt).prompt == prompt


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -1, 0.5, 9.9, None, "x", True, 10**400])
def test_bad_seconds(seconds):
    with pytest.raises(StudioError, match=r"from 1 to 9\.8"):
        wish(seconds=seconds)


@pytest.mark.parametrize(
    "seed", [-1, 2.5, math.nan, math.inf, None, "7", True, MAX_SEED + 1, 10**400]
)
def test_bad_seeds(seed):
    with pytest.raises(StudioError, match="seed must be a whole number"):
        wish(seed=seed)


@pytest.mark.parametrize(
    "change",
    [{"samples": 0}, {"samples": 5}, {"guidance": 0.5}, {"guidance": math.nan}, {"steps": 0},
     {"steps": 201}, {"steps": 1.5}],
)  # fmt: skip
def test_other_bounds(change):
    with pytest.raises(StudioError, match="must be a"):
        wish(**change)


@given(
    st.text(),
    st.one_of(st.none(), st.floats(), st.integers(), st.text()),
    st.one_of(st.none(), st.floats(), st.integers(), st.text()),
)
def test_anything_is_either_a_wish_or_a_sentence(prompt, seconds, seed):
    try:
        made = wish(prompt=prompt, seconds=seconds, seed=seed)
    except StudioError as error:
        assert str(error).endswith((".", "…"))
        assert len(str(error)) < 200
    else:
        assert 1.0 <= made.seconds <= 9.8
        assert made.prompt == made.prompt.strip()

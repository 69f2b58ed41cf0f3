"""Every value that can be asked for: what is taken, and the one sentence for what is not."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.checks import (
    MAX_PROMPT_CHARACTERS,
    MAX_SEED,
    check_guidance,
    check_prompt,
    check_seconds,
    check_seed,
    check_steps,
    per_prompt,
)
from engine.errors import StudioError

HUGE = pytest.param(10**5000, id="huge")  # Python refuses to print it
NO_NUMBERS = (None, "4", b"4", True, np.True_, [], {}, 1j, object(), float("nan"), np.nan)
ALL_CHECKS = (check_prompt, check_seconds, check_seed, check_guidance, check_steps)


@pytest.mark.parametrize("frames", range(20, 197))
def test_every_length_in_frames_can_be_asked_for(frames):
    seconds = frames / 20
    assert check_seconds(seconds) == frames
    for near in (seconds + 0.024, seconds - 0.024):
        if 1.0 <= near <= 9.8:
            assert check_seconds(near) == frames
    assert check_seconds(np.float32(seconds)) == frames
    assert check_seconds(round(seconds, 2)) == frames


@given(st.floats(1.0, 9.8))
def test_no_length_is_more_than_half_a_frame_off(seconds):
    assert abs(check_seconds(seconds) / 20 - seconds) <= 0.025 + 1e-9


@pytest.mark.parametrize(
    "seconds",
    [1, 9, np.int64(4), np.float16(4.5), Decimal("2.5"), Fraction(5, 2), torch.tensor(3.0)],
)
def test_any_kind_of_number_is_a_length(seconds):
    assert check_seconds(seconds) == round(float(seconds) * 20)


@pytest.mark.parametrize(
    "seconds",
    [0, -1, -0.0, 0.5, 0.98, 0.999, 9.801, 9.82, 10, 1e9, float("inf"), -float("inf"),
     10**400, HUGE, *NO_NUMBERS],
)  # fmt: skip
def test_other_lengths_are_refused(seconds):
    with pytest.raises(StudioError, match=r"ask for 1\.0 to 9\.8 seconds"):
        check_seconds(seconds)


@pytest.mark.parametrize(
    "seed", [0, 1, 2**31, 2**32, MAX_SEED, np.int32(7), np.uint64(MAX_SEED), np.array(5)]
)
def test_seeds(seed):
    checked = check_seed(seed)
    assert checked == int(seed)
    assert type(checked) is int
    torch.Generator().manual_seed(checked)


@pytest.mark.parametrize(
    "seed", [-1, 2**63, 2**64, HUGE, 1.0, 1.5, 0.0, float("inf"), np.float32(2), *NO_NUMBERS]
)
def test_other_seeds_are_refused(seed):
    with pytest.raises(StudioError, match="is not a whole number from 0 to 9223372036854775807"):
        check_seed(seed)


@pytest.mark.parametrize("guidance", [1, 1.0, 3.5, 20, np.float32(7.5), np.int8(2)])
def test_guidance(guidance):
    assert check_guidance(guidance) == float(guidance)


@pytest.mark.parametrize("guidance", [0, 0.99, -3, 20.01, 1e30, float("inf"), *NO_NUMBERS])
def test_other_guidance_is_refused(guidance):
    with pytest.raises(StudioError, match=r"out of range: choose 1 \(none\) to 20"):
        check_guidance(guidance)


@pytest.mark.parametrize("steps", [1, 200, np.int64(10)])
def test_steps(steps):
    assert check_steps(steps) == steps


@pytest.mark.parametrize("steps", [0, -1, 201, 10.0, 2.5, float("inf"), HUGE, *NO_NUMBERS])
def test_other_steps_are_refused(steps):
    with pytest.raises(StudioError, match="out of range: choose 1 to 200"):
        check_steps(steps)


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("  a person\twalks \n\n forward\r\n", "a person walks forward"),
        ("a person\0walks\x07", "a person walks"),
        ("walk\x00", "walk"),
        ("half a \ud83d pair walks", "half a pair walks"),
        ("<script>alert('walk')</script>", "<script>alert('walk')</script>"),
        ("a person walks 🚶", "a person walks 🚶"),
        ("ein Mann läuft", "ein Mann läuft"),
        ("一个人在走路", "一个人在走路"),
        ("x" * MAX_PROMPT_CHARACTERS, "x" * MAX_PROMPT_CHARACTERS),
        ("\n" * 100_000 + "walk", "walk"),
    ],
)
def test_prompts(prompt, read):
    assert check_prompt(prompt) == read


@pytest.mark.parametrize(
    "prompt", ["", " ", "\n\t", "\0", "\x00\x01\x1f\x7f", "🚶🏃💃", "?!...", "\ud800", "\u200d"]
)
def test_prompts_without_words_are_empty(prompt):
    with pytest.raises(StudioError, match="The prompt is empty"):
        check_prompt(prompt)


@pytest.mark.parametrize("length", [MAX_PROMPT_CHARACTERS + 1, 10_000, 1_000_000])
def test_long_prompts_are_refused_with_their_length(length):
    with pytest.raises(StudioError, match=f"has {length:,} characters; at most 500") as caught:
        check_prompt("w" * length)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("prompt", [None, 5, b"walk", ["walk"], float("nan")])
def test_what_is_no_text_is_no_prompt(prompt):
    with pytest.raises(StudioError, match="A prompt is a text"):
        check_prompt(prompt)


@given(st.text(max_size=600))
def test_any_text_is_taken_or_refused(text):
    try:
        read = check_prompt(text)
    except StudioError:
        return
    assert read == check_prompt(read)
    read.encode()  # no lone surrogates
    assert not any(ord(character) < 32 for character in read)


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(),
                 st.lists(st.integers(), max_size=2), st.complex_numbers()))  # fmt: skip
def test_nothing_but_a_sentence_ever_leaves_a_check(value):
    for check in ALL_CHECKS:
        try:
            check(value)
        except StudioError as error:
            assert str(error).endswith((".", "'."))


def test_one_value_serves_all_prompts():
    assert per_prompt(4.0, 3, "seconds") == [4.0] * 3
    assert per_prompt(np.float32(4), 2, "seconds") == [4.0] * 2
    assert per_prompt(np.array(7), 2, "seeds") == [7, 7]
    assert per_prompt(np.arange(3), 3, "seeds") == [0, 1, 2]
    assert per_prompt((1, 2), 2, "seeds") == [1, 2]
    assert per_prompt("12", 2, "seeds") == ["12", "12"]


@pytest.mark.parametrize("values", [[], [1], [1, 2, 3], np.arange(5)])
def test_counts_must_match(values):
    with pytest.raises(StudioError, match=f"2 prompts need 2 seeds, not {len(values)}"):
        per_prompt(values, 2, "seeds")

"""Joined captions, typing noise, measured facts, the CMU table and the example packs."""

import difflib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.captions import (
    CMU_TAKES,
    CONTENTS,
    attributes,
    kit_captions,
    rough,
    sample,
    swap_left_right,
    then,
    while_,
)
from engine.data.captions.facts import fact_words
from engine.data.captions.noise import MISSPELLED, PROTECTED
from engine.errors import StudioError
from engine.motion.skeleton import JOINTS
from tests.shared import SHARED, needs_shared

PACKS = sorted((Path(__file__).parents[2] / "assets" / "prompts").glob("*.json"))
BROKEN = r"[{}*~|\[\]=@+_]|  |\s[,.?!]|\.\.|\?\."
labels = st.sampled_from(sorted(CONTENTS))
seeds = st.integers(0, 10**6)


@given(labels, labels, seeds, st.sampled_from(["train", "eval", "all"]))
@settings(max_examples=200, deadline=None)
def test_then_and_while_are_well_formed(a, b, seed, kind):
    rng = np.random.default_rng(seed)
    for text in (then((a, "tired"), (b, "happy"), rng, kind), while_((a, "old"), b, rng, kind)):
        assert not re.search(BROKEN, text), text
        assert swap_left_right(swap_left_right(text)) == text


def test_joined_captions_name_both_actions_and_their_order():
    rng = np.random.default_rng(0)
    for _ in range(100):
        text = then("wave-left-hand", "wave-right-hand", rng).lower()
        left, right = text.index("left"), text.index("right")
        turned = re.search(r"\bafter (?!that|which)\S+ing\b|\bbefore \S+ing\b", text)
        if turned is None or text.startswith(("after", "before")) == ("after" in turned[0]):
            assert left < right, text
        else:
            assert right < left, text


def test_finished_captions_can_be_joined_too():
    rng = np.random.default_rng(0)
    assert then("He bows.", "She runs.", rng) == "He bows, then she runs."
    assert while_("A man walks", "He waves", rng) == "A man walks while he waves"


@given(labels, seeds)
@settings(max_examples=300, deadline=None)
def test_rough_keeps_a_readable_prompt(label, seed):
    rng = np.random.default_rng(seed)
    text = sample(label, "neutral", rng)
    typed = rough(text, rng)
    assert typed.strip() == typed and typed
    # Punctuation, a leading article and politeness may come and go; the rest must be alike.
    polite = r",? (pls|plz|please|:\))$"
    bare = [re.sub(r"^(an?|the) ", "", text.lower()), re.sub(polite, "", typed.lower())]
    pairs = [
        [re.sub(r"[^a-z ]", "", one.lower()) for one in pair] for pair in ((text, typed), bare)
    ]
    alike = [difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs]
    assert max(alike) > 0.6, (text, typed)
    for side in ("left", "right", "both"):
        count = len(re.findall(rf"\b{side}\b", text.lower()))
        spellings = (side, side + "-", *MISSPELLED[side])
        kept = sum(word in spellings for word in re.findall(r"[a-z]+", typed.lower()))
        assert kept >= count, (text, typed)


def test_misspellings_stay_nearest_to_their_own_word():
    """A typo in a word that carries the meaning must not read as another such word."""
    important = sorted(PROTECTED - {"forwards", "backwards", "han"})
    for word in ("left", "right", "both", "forward", "backward", "back"):
        for wrong in MISSPELLED[word]:
            if wrong in PROTECTED:
                continue
            best = max(important, key=lambda w: difflib.SequenceMatcher(None, wrong, w).ratio())
            assert best in (word, word.rstrip("s"), "backward" if word == "back" else word), wrong


def test_rough_varies_case_and_typos():
    rng = np.random.default_rng(0)
    found = {rough("a tired person walks forward with the left hand up", rng) for _ in range(300)}
    assert len(found) > 150
    assert any(text.isupper() for text in found)
    assert any("foward" in text.lower() for text in found)
    assert rough("", rng) == ""


def _walk(speed, frames=80):
    joints = np.zeros((frames, 22, 3))
    time = np.arange(frames) / 20.0
    joints[:, :, 2] = (speed * time)[:, None]
    joints[:, JOINTS["left_ankle"], 2] += 0.3 * np.sin(2 * np.pi * time)
    joints[:, JOINTS["right_ankle"], 2] -= 0.3 * np.sin(2 * np.pi * time)
    joints[:, JOINTS["head"], 1] = 1.6
    joints[:, JOINTS["spine3"], 1] = 1.2
    joints[:, [JOINTS["left_wrist"], JOINTS["right_wrist"]], 1] = 0.8
    return joints


def test_measured_facts():
    slow, fast = attributes(_walk(0.5), "walk"), attributes(_walk(1.8), "walk")
    assert "slow" in slow and "meters:2" in slow and "steps:8" in slow
    assert "fast" in fast and "meters:7" in fast
    assert not {"slow", "fast"} & set(attributes(_walk(1.1), "walk"))
    guiding = _walk(0.0)
    guiding[:, JOINTS["right_wrist"], 1] = 2.0
    assert attributes(guiding, "guide") == ("right-hand", "above-head")


def test_facts_are_said_unless_the_phrase_says_them():
    assert "quickly" in fact_words("fast", "walk* forward")
    assert fact_words("fast", "walk* at a slow pace") == ()
    assert fact_words("steps:99") == () and fact_words("nonsense") == ()
    rng = np.random.default_rng(0)
    texts = [sample("walk", "neutral", rng, attributes=("steps:6",)) for _ in range(200)]
    assert sum("six steps" in t or "6 steps" in t for t in texts) > 20


def test_cmu_table_covers_its_subjects():
    assert len(CMU_TAKES) == 188
    assert {take.content for take in CMU_TAKES.values()} <= set(CONTENTS)
    assert CMU_TAKES["13_34"].content == "climb-ladder"


def test_kit_captions_leave_out_mirrors_and_advertisements(tmp_path):
    def entry(path, text):
        return {"path": path, "annotations": [{"text": text, "start": 0.0, "end": 2.5}]}

    file = tmp_path / "notes.json"
    file.write_text(json.dumps({
        "1": entry("CMU/07/07_04_poses", "A human  walks."),
        "2": entry("M/CMU/07/07_04_poses", "A human walks."),
        "3": entry("CMU/07/07_05_poses", "visit <a href=x>tickets</a>"),
        "4": entry("KIT/3/kick", "kicks"),
    }))  # fmt: skip
    assert kit_captions(file) == {"07_04": [("A human walks.", 0.0, 2.5)]}
    with pytest.raises(StudioError, match="does not exist"):
        kit_captions(tmp_path / "absent.json")


@needs_shared
def test_kit_captions_of_the_real_file():
    found = kit_captions(SHARED / "data" / "raw" / "kitml-annotations.json")
    ours = {take: notes for take, notes in found.items() if take in CMU_TAKES}
    assert len(ours) == 26
    assert ours["07_11"][0][0] == "A human walks with very large steps."


@pytest.mark.parametrize("path", PACKS, ids=lambda p: p.stem)
def test_example_packs(path):
    pack = json.loads(path.read_text())
    assert pack["name"] and 10 <= len(pack["prompts"]) <= 15
    for prompt in pack["prompts"]:
        assert prompt["text"].strip() and 1.0 <= prompt["seconds"] <= 9.8


def test_there_are_five_packs():
    assert {p.stem for p in PACKS} >= {"everyday", "gestures", "sport", "moods", "combinations"}

"""The prompt suite: well formed, runnable, and its checks tell real motions apart."""

import json

import numpy as np
import pytest

from engine.errors import StudioError
from engine.evaluation import kinematic_suite as suite
from engine.evaluation.suite_validation import validate_suite
from engine.motion.motion import Motion
from tests.evaluation import figures as fig
from tests.evaluation.test_evaluator import made_dataset


def case(**changes):
    record = {"id": "a", "category": "c", "label": "walk", "prompt": "walk", "seconds": 4,
              "checks": [["forward", ">", 1.0], ["turn", "between", [-30, 30]]]}  # fmt: skip
    return suite.parse_case({**record, **changes})


def contrast():
    compare = [["speed", ">", 1.5, "ratio"], ["forward", ">", 1.0, "difference"]]
    return case(id="b", prompt="run", than="walk", than_label="walk", checks=[], compare=compare)


class Figures:
    """A generator that walks, faster when told to run; it notes what it was asked."""

    def __init__(self):
        self.calls = []

    def __call__(self, prompts, seconds, seeds):
        self.calls.append((prompts, seconds, seeds))
        return [
            Motion(fig.walk(round(20 * length), speed=3.0 if "run" in text else 1.0 * (seed != 2)))
            for text, length, seed in zip(prompts, seconds, seeds, strict=True)
        ]


def test_the_shipped_suite_is_large_varied_and_sound():
    cases = suite.load_suite()
    prompts = [one.prompt for one in cases]
    assert len(cases) >= 120
    assert len(set(prompts)) == len(prompts)
    assert len({one.label for one in cases}) >= 60
    assert {"contrasts", "then", "while", "styles", "rare"} <= {one.category for one in cases}
    assert any(text.isupper() for text in prompts)
    assert all(1.0 <= one.seconds <= 9.8 for one in cases)


def test_no_prompt_is_a_caption_of_the_training_grammar():
    from engine.data.captions.grammar import sentences

    def plain(text):
        return text.lower().strip(" .!?")

    cases = suite.load_suite()
    pairs = {(one.label, one.style or "neutral") for one in cases if not one.parts}
    known = set()
    for label, style in pairs:
        try:
            known |= {plain(text) for text in sentences(label, style, kind="all")}
        except StudioError:
            continue
    assert len(known) > 1000
    copied = sorted(plain(one.prompt) for one in cases if plain(one.prompt) in known)
    assert copied == []


def test_running_tallies_by_prompt_label_and_category():
    generate = Figures()
    report = suite.run_suite(generate, [case(), contrast()], seeds=(0, 1, 2), batch=4)
    assert sum(len(call[0]) for call in generate.calls) == 3 + 2 * 3
    assert max(len(call[0]) for call in generate.calls) == 4
    walk, run = report["results"]
    assert walk["rate"] == pytest.approx(2 / 3)  # seed 2 stands still
    assert run["rate"] == 1.0
    assert report["motions"] == pytest.approx(5 / 6, abs=1e-4)
    assert report["by_category"] == {"c": pytest.approx(5 / 6, abs=1e-4)}
    assert report["claims"] == pytest.approx((5 + 6) / 12, abs=1e-4)
    json.dumps(report, allow_nan=False)
    assert "forward > 1.0" in suite.failures(report)[0]


def test_contrasts_compare_the_same_seed():
    generate = Figures()
    suite.run_suite(generate, [contrast()], seeds=(5, 6))
    prompts, _, seeds = generate.calls[0]
    assert list(zip(prompts, seeds, strict=True)) == [
        ("run", 5), ("walk", 5), ("run", 6), ("walk", 6)
    ]  # fmt: skip
    slow, fast = fig.walk(speed=1.0), fig.walk(speed=2.0)
    assert contrast().passes([fast, slow])
    assert not contrast().passes([slow, fast])


def test_a_generator_that_loses_motions_is_noticed():
    with pytest.raises(StudioError, match="0 motions for 3"):
        suite.run_suite(lambda *_: [], [case()])


def test_bad_suites_name_the_line(tmp_path):
    path = tmp_path / "cases.jsonl"
    good = {"id": "a", "category": "c", "label": "l", "prompt": "p", "seconds": 2}
    for bad in (
        {**good}, {**good, "checks": [["nonsense", ">", 1]]}, {"id": "a"}, [1],
        {**good, "checks": [["turn", ">", 1]], "than": "x"}, {**good, "colour": "red"},
        {**good, "than": "x", "compare": [["turn", ">", 1, "sum"]]},
    ):  # fmt: skip
        path.write_text("\n" + json.dumps(bad) + "\n")
        with pytest.raises(StudioError, match="line 2"):
            suite.load_suite(path)
    line = json.dumps({**good, "checks": [["turn", ">", 1]]})
    path.write_text(line + "\n" + line)
    with pytest.raises(StudioError, match="same id"):
        suite.load_suite(path)
    with pytest.raises(StudioError):
        suite.load_suite(tmp_path / "absent.jsonl")


def test_checks_are_validated_on_clips_of_their_label_and_of_others(tmp_path):
    data = made_dataset(tmp_path)
    bow = case(id="bow", label="bow", checks=[["bend", ">", 30]])
    absent = case(id="hop", label="hop")
    got = validate_suite(data, [case(), bow, contrast(), absent], most=10)
    assert got["absent"] == ["hop"]
    assert got["single"]["right"] == 1.0
    assert got["single"]["random"] == 0.0
    assert {record["kind"] for record in got["cases"]} == {"single", "contrast"}
    rates = {record["id"]: record["right"] for record in got["cases"]}
    assert rates["b"] < 0.5  # walk against walk is no contrast
    assert np.isfinite(got["all"]["right"])

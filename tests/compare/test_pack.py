"""Whole packs: the same noise for both, turns for others, wins counted honestly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.compare.choice import ModelChoice
from engine.compare.pack import ALIKE, BATCH, PackResult, PackRun, count_wins
from engine.compare.packs import packs
from engine.errors import StudioError
from engine.evaluation.comparison import Comparison
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.evaluator_net import EvaluatorNet
from engine.pipeline import Cancelled
from engine.tuning.prompts import PACKS as TUNING_PACKS
from engine.tuning.prompts import Prompt, load_prompts, pack_names
from tests.evaluation.test_evaluator import WordEncoder, small

BASE = ModelChoice()
PROMPTS = [Prompt.make(f"a person walks {word}", seconds)
           for word, seconds in zip(["home", "away", "up", "down", "off", "on"], (3, 1, 2, 1, 2, 1),
                                    strict=True)]  # fmt: skip


@pytest.fixture(scope="module")
def done(pipe, adapters):
    run = PackRun(PROMPTS, 5, BASE, ModelChoice(((adapters[0], 1.0),)))
    while not run.finished:
        run.step(pipe)
    return run


def test_every_prompt_is_answered_from_its_own_noise_by_both(pipe, done):
    left, right = done.motions
    assert done.total == done.done == len(left) == len(right) == 6
    for row, prompt in enumerate(PROMPTS):
        alone = pipe([prompt.text], prompt.seconds, 5 + row)[0].joints
        assert np.allclose(left[row].joints, alone, atol=1e-4)
        assert right[row].seed == left[row].seed == done.seeds[row]
        assert right[row].joints.shape == left[row].joints.shape
        assert np.abs(right[row].joints - left[row].joints).max() > 0.01


def test_others_come_between_and_a_cancelled_batch_is_done_again(pipe):
    run = PackRun(PROMPTS, 1, BASE, ModelChoice(guidance=5.0))
    before = pipe([PROMPTS[0].text], 1.0, 1)[0].joints
    run.step(pipe)
    assert run.done == BATCH
    assert np.array_equal(pipe([PROMPTS[0].text], 1.0, 1)[0].joints, before)
    with pytest.raises(Cancelled):
        run.step(pipe, lambda: True)
    assert run.done == BATCH
    run.step(pipe)
    assert run.finished


def test_the_evaluator_judges_and_without_one_nothing_is_said(done):
    torch.manual_seed(0)
    evaluator = Evaluator(EvaluatorNet(small()), WordEncoder())
    result = done.result(evaluator)
    text = evaluator.embed_text([prompt.text for prompt in PROMPTS])
    embedded = evaluator.embed_motion([motion.joints for motion in result.motions[1]])
    assert result.similarity[1] == pytest.approx((text * embedded).sum(1), abs=1e-5)
    wins = result.wins
    assert wins.left + wins.right + wins.ties == 6
    assert any("follows the text better" in sentence for sentence in result.words)
    with pytest.raises(StudioError, match="doctor"):
        done.result(None)


def test_alike_is_a_tie_and_more_is_a_win():
    left = np.full(4, 0.5)
    right = left + np.array([2, -2, 0.5, 0]) * ALIKE
    result = PackResult((), (), (BASE, BASE), ((), ()), (left, right), Comparison(4, 4, {}))
    assert result.winners == [1, 0, -1, -1]


def test_win_rates_have_wilsons_interval_and_none_without_a_decision():
    wins = count_wins([1] * 14 + [0] * 6 + [-1] * 3)
    assert (wins.left, wins.right, wins.ties) == (6, 14, 3)
    # Wilson (1927), Eq. for n = 20, p = 0.7, z = 1.96
    assert (wins.rate, wins.low, wins.high) == pytest.approx((0.7, 0.4810, 0.8545), abs=1e-3)
    assert count_wins([-1, -1]).rate is None


def test_shipped_packs_and_those_kept_back_from_tuning():
    found = packs()
    assert len(found) >= 8
    assert all(len(prompts) >= 6 for prompts in found.values())
    tuned = {p.text for name in pack_names() for p in load_prompts([name], TUNING_PACKS).tuned}
    kept = [prompts for name, prompts in found.items() if "kept back" in name]
    assert len(kept) == len(pack_names())
    assert not tuned & {prompt.text for prompts in kept for prompt in prompts}


def test_no_prompts_and_damaged_files(tmp_path):
    with pytest.raises(StudioError, match="no prompts"):
        PackRun([], 0, BASE, BASE)
    (tmp_path / "bad.json").write_text('{"name": "Bad", "prompts": [{"text": 3}]}')
    (tmp_path / "worse.json").write_text("[")
    assert packs(tmp_path) == {}

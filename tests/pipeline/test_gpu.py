"""On a GPU the whole sampler is one captured graph; the promises stay the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.pipeline import MotionPipeline
from tests.pipeline.test_generation import WORDS, apart
from tests.tiny import FakeTextEncoder, load_tiny

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
PROMPTS = [WORDS, "bow", WORDS + " and then sits down and stands up again", "kick", WORDS]
SECONDS, SEEDS = [1.0, 9.8, 3.15, 5.3, 7.7], [9, 8, 7, 6, 5]


@pytest.fixture(scope="module", params=[1, 2], ids=["patch1", "patch2"])
def folder(request, tiny_model, tiny_patched_model):
    return tiny_model if request.param == 1 else tiny_patched_model


@pytest.fixture(scope="module")
def pipeline(folder):
    return MotionPipeline.from_pretrained(folder, "cuda", FakeTextEncoder())


def test_the_same_call_gives_the_same_bits(pipeline, folder):
    first, again = (pipeline(PROMPTS, SECONDS, SEEDS) for _ in range(2))
    anew = MotionPipeline.from_pretrained(folder, None, FakeTextEncoder())(PROMPTS, SECONDS, SEEDS)
    for one, two, three in zip(first, again, anew, strict=True):
        assert np.array_equal(one.joints, two.joints)
        assert np.array_equal(one.joints, three.joints)


def test_company_moves_no_joint_by_a_millimetre(pipeline):
    together = pipeline(PROMPTS, SECONDS, SEEDS)
    for index, prompt in enumerate(PROMPTS):
        alone = pipeline([prompt], SECONDS[index], SEEDS[index])[0]
        assert apart(alone, together[index]) < 1e-3


def test_the_graph_does_what_the_steps_do_and_what_a_cpu_does(pipeline, folder):
    captured = pipeline(PROMPTS, SECONDS, SEEDS)
    stepped = pipeline(PROMPTS, SECONDS, SEEDS, cancel=lambda: False)
    on_cpu = load_tiny(folder)(PROMPTS, SECONDS, SEEDS)
    for one, two, three in zip(captured, stepped, on_cpu, strict=True):
        assert apart(one, two) < 1e-3
        assert apart(one, three) < 5e-2  # other kernels, TF32 convolutions


def test_many_shapes_in_turn_keep_their_answers(pipeline):
    """More shapes than graphs are kept; each comes back as it was."""
    lengths = [1.0 + 0.8 * k for k in range(11)]
    first = [pipeline([WORDS], seconds, 1)[0].joints for seconds in lengths]
    again = [pipeline([WORDS], seconds, 1)[0].joints for seconds in lengths]
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one, two)
    other = pipeline([WORDS], 1.0, 1, guidance=6.0, steps=7)[0].joints
    assert np.abs(other - first[0]).max() > 1e-3

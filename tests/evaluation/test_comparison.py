"""Paired comparison: intervals that cover, effects that are found, words that say so."""

import json

import numpy as np
import pytest
import torch

from engine.errors import StudioError
from engine.evaluation import comparison, protocol
from engine.evaluation.comparison import Difference, compare, in_words, paired_interval
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.evaluator_net import EvaluatorNet
from engine.motion.motion import Motion
from tests.evaluation import figures as fig
from tests.evaluation.test_evaluator import WordEncoder, made_dataset, small

WORDS = ("slowly", "fast", "home", "away", "on", "up", "down", "off")
PROMPTS = [f"a person walks {word}" for word in WORDS]


@pytest.fixture
def evaluator():
    torch.manual_seed(0)
    return Evaluator(EvaluatorNet(small()), WordEncoder())


def walks(offset=0.0):
    return [fig.walk(frames=50, speed=0.8 + 0.05 * i + offset) for i in range(len(PROMPTS))]


def toward(text, share, noise):
    """Unit embeddings that lie nearer to the text the larger the share."""
    rows = share * text + noise
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("count", [6, 12, 30])
def test_intervals_cover_the_truth_about_as_often_as_they_say(count):
    rng = np.random.default_rng(count)
    covered = 0
    for _ in range(300):
        low, high = paired_interval(rng.normal(0.3, 1.0, count))
        covered += low <= 0.3 <= high
    assert 0.91 <= covered / 300 <= 0.99


def test_the_interval_of_many_is_that_of_the_normal():
    values = np.random.default_rng(0).normal(size=4000)
    low, high = paired_interval(values)
    half = 1.96 * values.std() / np.sqrt(4000)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.004)
    assert paired_interval(np.zeros(30)) == (0.0, 0.0)
    assert paired_interval(values[:5]) is None
    assert paired_interval(values, seed=1) == paired_interval(values, seed=1)


def test_what_follows_the_text_is_found_and_said(evaluator):
    text, noise = evaluator.embed_text(PROMPTS), np.random.default_rng(0).normal(size=(8, 16))
    near, far = toward(text, 3.0, 0.2 * noise), toward(text, 1.0, 0.2 * noise)
    motions = walks()
    better = compare(evaluator, PROMPTS, motions, motions, embeddings=(far, near))
    worse = compare(evaluator, PROMPTS, motions, motions, embeddings=(near, far))
    alignment = better.differences["alignment"]
    assert alignment.difference == pytest.approx(float(((near - far) * text).sum(1).mean()))
    assert alignment.low <= alignment.difference <= alignment.high
    assert better.differences["alignment"].verdict == "better"
    assert better.differences["mm_dist"].verdict == "better"
    assert worse.differences["alignment"].verdict == "worse"
    assert in_words(better)[0].startswith("follows the text better: yes (+")
    assert in_words(worse)[0].startswith("follows the text better: no, worse (-")
    assert "95 %: -" in in_words(worse)[0]
    json.dumps(better.to_dict(), allow_nan=False)


def test_the_same_motions_show_no_difference(evaluator):
    got = compare(evaluator, PROMPTS, walks(), [Motion(j.astype(np.float32)) for j in walks()])
    assert {one.verdict for one in got.differences.values()} == {"no difference"}
    assert (got.prompts, got.motions) == (8, 8)
    assert "diversity" not in got.differences  # one seed a prompt
    assert all("no clear difference" in sentence for sentence in in_words(got))


def test_prompts_are_resampled_not_their_seeds(evaluator):
    """Ten seeds of a prompt are no ten prompts: the interval must not shrink with them."""
    text = evaluator.embed_text(PROMPTS)
    noise = np.random.default_rng(1).normal(size=(8, 16))
    a, b = toward(text, 1.0, 0.5 * noise), toward(text, 1.2, 0.5 * noise[::-1])
    once = compare(evaluator, PROMPTS, walks(), walks(), embeddings=(a, b))
    often = compare(evaluator, PROMPTS * 10, walks() * 10, walks() * 10,
                    embeddings=(np.tile(a, (10, 1)), np.tile(b, (10, 1))))  # fmt: skip
    for bound in ("low", "high"):
        assert getattr(often.differences["alignment"], bound) == pytest.approx(
            getattr(once.differences["alignment"], bound)
        )
    assert often.prompts == 8
    assert often.differences["diversity"].a == pytest.approx(0, abs=1e-6)


def test_diversity_is_the_mean_distance_between_seeds(evaluator):
    prompts = ["one"] * 3 + ["two"] * 3
    corners = np.eye(16)[:3]
    spread, still = np.tile(corners, (2, 1)), np.tile(corners[:1], (6, 1))
    got = compare(evaluator, prompts, walks()[:6], walks()[:6], embeddings=(spread, still))
    assert got.differences["diversity"].a == pytest.approx(np.sqrt(2))
    assert got.differences["diversity"].b == pytest.approx(0)
    assert got.differences["diversity"].verdict == "too few"  # two prompts
    assert any("too few prompts to tell (-1.414)" in sentence for sentence in in_words(got))


def test_one_prompt_is_judged_over_its_seeds(evaluator):
    prompts = [PROMPTS[0]] * 8
    text = evaluator.embed_text(prompts)
    noise = 0.1 * np.random.default_rng(2).normal(size=(8, 16))
    got = compare(evaluator, prompts, walks(), walks(),
                  embeddings=(toward(text, 1, noise), toward(text, 4, noise)))  # fmt: skip
    assert got.differences["alignment"].verdict == "better"
    assert got.differences["alignment"].prompts == 8
    assert got.differences["diversity"].verdict == "too few"


def test_prompts_are_held_to_what_the_evaluator_reads_in_them(evaluator, monkeypatch):
    """Content counts only where it is sure of the prompt; a hit is a motion it names the same."""
    sure = np.array([[0.9, 0.1], [0.3, 0.7], [0.4, 0.4]])
    made = np.array([[0.8, 0.2], [0.8, 0.2], [0.8, 0.2]])

    def classes(embedding):
        rows = sure if embedding[0, 0] == 9 else made  # 9: texts, see below
        return FakeClasses(rows)

    monkeypatch.setattr(evaluator, "embed_text", lambda texts: np.full((len(texts), 16), 9.0))
    monkeypatch.setattr(evaluator, "classify_embedding", classes)
    got = compare(evaluator, ["x", "y", "z"], walks()[:3], walks()[:3],
                  embeddings=(np.zeros((3, 16)), np.zeros((3, 16))))  # fmt: skip
    assert got.differences["content"].prompts == 2
    assert got.differences["content"].a == pytest.approx(0.5)


class FakeClasses:
    """Class probabilities as given, for content and style alike."""

    def __init__(self, rows):
        self.content = self.style = rows


def test_a_split_brings_labels_and_real_values(evaluator, tmp_path):
    data = made_dataset(tmp_path / "data")
    evaluator.net.config = small().__class__(
        **{**small().__dict__, "contents": ("bow", "walk"), "styles": ("neutral",)}
    )
    reference = protocol.make_reference(data, evaluator, "val", limit=12)
    swapped = [joints[::-1] for joints in reference.joints]
    got = compare(evaluator, reference, reference.joints * 2, swapped * 2)
    assert got.motions == 24
    contents = [clip.content for clip in reference.clips]
    known = {c for c, k in zip(reference.captions, contents, strict=True) if k in ("bow", "walk")}
    assert got.differences["content"].prompts == len(known)
    for name in ("alignment", "jerk", "foot_skate", "content"):
        assert got.differences[name].a == pytest.approx(got.differences[name].real)


def test_verdicts_of_measures_without_a_good_side():
    smooth = Difference("jerk", 70.0, 60.0, -10.0, -12.0, -8.0, 20)
    assert smooth.verdict == "lower"
    assert comparison._sentence(smooth) == "moves more smoothly: yes (-10.0, 95 %: -12.0 to -8.0)"
    rough = Difference("jerk", 60.0, 70.0, 10.0, 8.0, 12.0, 20)
    assert rough.verdict == "higher"
    assert "no, the opposite" in comparison._sentence(rough)
    unseen = Difference("jerk", 70.0, 70.0, 0.02, 0.01, 0.03, 20)
    assert unseen.verdict == "no difference"  # it prints as 0.0
    skating = Difference("foot_skate", 0.1, 0.2, 0.1, 0.05, 0.15, 20)
    assert skating.verdict == "worse"


@pytest.mark.parametrize(("prompts", "a", "b"), [(8, 7, 7), (8, 8, 7), (0, 0, 0)])
def test_lists_that_do_not_pair_up_are_refused(evaluator, prompts, a, b):
    with pytest.raises(StudioError, match="cannot be compared"):
        compare(evaluator, PROMPTS[:prompts], walks()[:a], walks()[:b])

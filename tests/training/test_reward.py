"""Training the reward on a toy corpus: what is drawn, who rivals whom, what comes out."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch

from engine.diffusion.schedule import Schedule
from engine.errors import StudioError
from engine.files import read_json
from engine.models.captions import CaptionTable
from engine.models.reward import READ, RewardConfig, RewardModel
from engine.training import corpus
from engine.training.common import Updater
from engine.training.loop import Budget
from engine.training.reward import Hyper, Learner, loss_terms, train, views
from engine.training.reward_check import HeldOut, embed, embed_captured, recall
from engine.training.reward_data import Batch, Pairs
from tests.tiny import FakeTextEncoder, save_tiny, tiny

SMALL = RewardConfig(16, 384, 16, 1, 32, 2, 32, 4, 8, 16, 2, 2)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def base():
    return tiny()


@pytest.fixture(scope="module")
def pairs(corpus_folder, base):
    return Pairs(corpus_folder, base.vae, FakeTextEncoder(), CPU)


@pytest.fixture
def learner(pairs):
    torch.manual_seed(0)
    made = Learner(SMALL)
    pairs.fit(made.motion)
    return made


def test_a_reward_folder_comes_out(corpus_folder, tmp_path):
    folder = save_tiny(tmp_path / "model")
    hyper, budget = Hyper(batch=6, half=False), Budget(0.02)
    report = train(
        corpus_folder, folder, tmp_path / "out", hyper, budget, "cpu", FakeTextEncoder(), SMALL
    )
    assert report["updates"] >= 1
    assert read_json(tmp_path / "out" / "training.json")["curve"]
    made = RewardModel.from_pretrained(tmp_path / "out")
    made.check_belongs(folder)
    assert made.text_encoder == "fake"
    assert float(made.motion.speed_std) < 0.1  # statistics came along


def test_training_that_diverges_writes_nothing(corpus_folder, tmp_path):
    hyper = Hyper(batch=2, rate=float("nan"), half=False)
    with pytest.raises(StudioError, match="diverged"):
        train(corpus_folder, save_tiny(tmp_path / "model"), tmp_path / "out", hyper, Budget(1.0),
              "cpu", FakeTextEncoder(), SMALL)  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_one_pair_alone_is_refused(corpus_folder, tmp_path):
    with pytest.raises(StudioError, match="at least 2"):
        train(corpus_folder, tmp_path, tmp_path / "out", Hyper(batch=1), Budget(1.0), "cpu")


def test_only_training_motions_are_learned_from(corpus_folder, pairs):
    items, rows, _ = corpus.load(corpus_folder)
    frames = [item.frames for item in items if item.split == "train"]
    assert pairs.frames.tolist() == frames
    assert pairs.rows.shape == (sum(frames), READ)
    starts = np.concatenate([[0], np.cumsum([item.frames for item in items])])
    last = max(i for i, item in enumerate(items) if item.split == "train")
    picked = torch.tensor([len(frames) - 1])
    found, mask = pairs._features(picked, torch.tensor([4]), torch.tensor([12]))
    assert mask.sum() == 12
    assert np.array_equal(found[0, :12].numpy(), rows[starts[last] + 4 : starts[last] + 16, :READ])


def test_only_even_motions_are_cut(pairs):
    torch.manual_seed(0)
    pick = torch.arange(len(pairs.frames)).repeat(20)
    start, frames = pairs._crop(pick, pairs.frames[pick])
    cut = frames < pairs.frames[pick]
    assert bool(cut.any())
    assert bool(pairs.even[pick][cut].all())
    assert not start[~pairs.even[pick]].any()


def test_statistics_standardise_positions_and_speeds(pairs, learner):
    torch.manual_seed(0)
    batch = pairs.pairs(256)
    tokens, mask = learner.motion._patches(batch.features, batch.frames_mask)
    real = tokens.unflatten(-1, (4, -1))[mask].flatten(0, 1)
    assert real[:, 4:READ].mean().abs() < 0.1
    assert real[:, 4:READ].std(0).mean() == pytest.approx(1.0, abs=0.2)
    assert real[:, 1:3].std(0).mean() == pytest.approx(3.0, abs=0.6)  # the root is louder
    assert real[:, READ:].square().mean().sqrt() == pytest.approx(1.0, abs=0.4)


def rivals(pairs: Pairs, label, first, sides, same, texts) -> torch.Tensor:
    made = object.__new__(Pairs)
    made.label, made.first, made.sides, made.same = map(torch.tensor, (label, first, sides, same))
    made.pooled = torch.tensor(texts)
    both = (torch.arange(len(label)), torch.arange(len(label)))
    return made.rivals(both, both)


def test_who_rivals_whom(pairs):
    """Five pairs: two clips of one label, another label, two compositions of like words."""
    like, other = [1.0, 0.0], [0.0, 1.0]
    label, first = [0, 0, 1, -1, -1], [0, 0, 1, 1, 1]
    sides, same, texts = [0, 0, 0, 0, 0], [0, 1, 2, 3, 4], [like, other, like, like, like]
    found = rivals(pairs, label, first, sides, same, texts)
    assert torch.equal(found, found.T)
    assert not found.diagonal().any()
    assert not found[0, 1]  # one label
    assert found[0, 2]  # two labels, however alike the words
    assert not found[3, 4]  # alike in words, nothing else known
    assert not found[2, 3]  # a label that the composition begins with
    assert found[0, 3]  # begins with another action
    assert rivals(pairs, label, first, [0, 0, 0, 1, 2], same, texts)[3, 4]  # another hand
    assert rivals(pairs, label, first, sides, same, [like] * 4 + [other])[3, 4]  # other words
    assert not rivals(pairs, label, first, sides, [0, 1, 0, 3, 4], texts)[0, 2]  # same words


def test_captions_of_the_toy_corpus_name_their_side(corpus_folder, pairs):
    """Sentences on the left hand share their sides; the right hand's are another."""
    _, _, pools = corpus.load(corpus_folder)
    texts = [text for sentences in pools.values() for text in sentences]
    left = {int(pairs.sides[i]) for i, text in enumerate(texts)
            if "left" in text.lower() and "right" not in text.lower()}  # fmt: skip
    right = {int(pairs.sides[i]) for i, text in enumerate(texts)
             if "right" in text.lower() and "left" not in text.lower()}  # fmt: skip
    assert left
    assert right
    assert not left & right


def test_views_show_every_motion_clean_and_noisy(pairs, base):
    torch.manual_seed(0)
    batch = pairs.pairs(8)
    features, frames_mask, z, mask, t, *_ = views(batch, base.vae, base.schedule)
    assert len(features) == len(frames_mask) == len(z) == len(mask) == len(t) == 16
    assert not t[:8].any()
    assert len(set(t[8:].tolist())) > 1
    assert torch.equal(features[:4], batch.features[:4])
    decoded = base.vae.decode(batch.x_0[4:8], batch.mask[4:8])[..., :READ]
    assert torch.allclose(features[4:8], decoded)
    assert torch.equal(z[:8], batch.x_0)
    assert not z[~mask].any()
    noise = z[8:] - base.schedule.add_noise(batch.x_0, torch.zeros_like(batch.x_0), t[8:])
    expected = (1 - base.schedule.alphas_cumprod[t[8:]]).sqrt()
    for row, size, real in zip(noise, expected, batch.mask, strict=True):
        assert float(row[real].std()) == pytest.approx(float(size), rel=0.25, abs=0.02)


def test_the_reward_learns(pairs, base, learner):
    """Within some updates every term falls on pairs that are judged before and after."""
    torch.manual_seed(0)
    judged = views(pairs.pairs(16), base.vae, base.schedule)
    learner.eval()
    before = loss_terms(learner, 4.0, False, *judged).detach()
    update = Updater(learner.train(), lambda *i: loss_terms(learner, 4.0, False, *i), 0.0)
    for _ in range(100):
        update(3e-3, *views(pairs.pairs(16), base.vae, base.schedule))
    learner.eval()
    after = loss_terms(learner, 4.0, False, *judged).detach()
    assert bool((after < before).all())
    assert float(after.sum()) < 0.75 * float(before.sum())


def test_latents_learn_the_space_but_do_not_shape_it(pairs, base, learner):
    inputs = views(pairs.pairs(4), base.vae, base.schedule)
    loss_terms(learner, 4.0, False, *inputs)[2:].sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in learner.motion.parameters())
    assert learner.latent.tower.inp.weight.grad.any()


def test_bf16_gives_nearly_the_same_loss(pairs, base, learner):
    inputs = views(pairs.pairs(8), base.vae, base.schedule)
    exact, rough = (loss_terms(learner.eval(), 4.0, half, *inputs) for half in (False, True))
    assert torch.allclose(exact, rough, rtol=0.05, atol=0.05)
    assert rough.dtype == torch.float32


def test_nothing_of_an_update_lies_on_another_device(monkeypatch):
    """Drawn and learned on the meta device, which refuses tensors of any other, as CUDA does."""
    real = torch.autocast
    monkeypatch.setattr(torch, "autocast", lambda kind, *a, **k: contextlib.nullcontext()
                        if kind == "meta" else real(kind, *a, **k))  # fmt: skip
    meta, count = torch.device("meta"), 30
    base, learner = tiny(), Learner(SMALL).to(meta)
    pairs = object.__new__(Pairs)
    whole = torch.ones(count, dtype=torch.long, device=meta)
    pairs.device, pairs.step = meta, 4
    pairs.mean = pairs.spread = torch.zeros(count, 12, 8, device=meta)
    pairs.frames = pairs.starts = pairs.label = pairs.first = pairs.same = pairs.sides = whole
    pairs.chance, pairs.even = whole.float(), whole.bool()
    pairs.own = pairs.pool = whole[:, None].expand(-1, 2)
    pairs.rows, pairs.pooled = (
        torch.zeros(300, READ, device=meta),
        torch.zeros(count, 384, device=meta),
    )
    pairs.captions = CaptionTable(torch.zeros(count, 40, 384, device=meta).half(), whole)
    inputs = views(pairs.pairs(4), base.vae.to(meta), Schedule(), half=True)
    loss_terms(learner, 4.0, True, *inputs).sum().backward()
    assert all(parameter.grad is not None for parameter in learner.parameters())
    pairs.fit(learner.motion)


def held_out(pairs: Pairs, base) -> HeldOut:
    torch.manual_seed(0)
    clips = [torch.randn(int(n), 263) for n in torch.randint(20, 60, (40,))]
    texts = [f"motion number {i}" for i in range(40)]
    keys = [(str(i), "") for i in range(40)]
    return HeldOut.make(clips, texts, keys, base.vae, FakeTextEncoder(), CPU)


def test_held_out_pairs_are_embedded_at_any_noise(pairs, base, learner):
    held = held_out(pairs, base)
    learner.eval()
    rows = {t: embed(learner.motion, learner.latent, held, base.vae, base.schedule, t)
            for t in (0, 500)}  # fmt: skip
    for one in rows.values():
        assert one.text.shape == one.motion.shape == one.latent.shape == (40, 16)
    assert np.allclose(rows[0].text, rows[500].text)
    assert np.abs(rows[0].latent - rows[500].latent).max() > 1e-3
    again = embed(learner.motion, learner.latent, held, base.vae, base.schedule, 500)
    assert np.array_equal(again.motion, rows[500].motion)
    assert embed_captured(learner.motion, held).shape == (40, 16)


def test_recall_counts_hits():
    rows = np.random.default_rng(0).normal(size=(64, 16))
    keys = list(range(64))
    assert recall(rows, rows, keys, top=10).tolist() == [1.0] * 10
    assert recall(rows, -rows, keys, top=3).max() < 0.2


def test_a_corpus_with_few_held_out_motions_has_no_retrieval(corpus_folder, base):
    assert HeldOut.validation(corpus_folder, base.vae, FakeTextEncoder(), CPU) is None


def test_batches_have_the_shapes_they_say(pairs):
    batch = pairs.pairs(5)
    assert isinstance(batch, Batch)
    size, frames = len(batch.features), batch.features.shape[1]
    assert (size, frames) == batch.frames_mask.shape
    assert batch.x_0.shape[:2] == batch.mask.shape == (5, frames // 4)
    assert torch.equal(batch.frames_mask[:, ::4], batch.mask)
    assert batch.states.shape[:2] == batch.text_mask.shape
    assert batch.rivals.shape == (5, 5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("graph", [False, True])
def test_it_trains_on_a_gpu(corpus_folder, tmp_path, graph):
    """Full sizes and batch, bf16, eager and as a graph: what a long training would do."""
    hyper = Hyper(minutes=0.1, batch=512, graph=graph)
    report = train(corpus_folder, save_tiny(tmp_path / "model"), tmp_path / "out", hyper, "cuda",
                   FakeTextEncoder())  # fmt: skip
    assert report["updates"] > 20
    assert np.isfinite(report["curve"][-1]["clean"])
    assert report["peak_memory_gb"] < 20
    RewardModel.from_pretrained(tmp_path / "out", "cuda")

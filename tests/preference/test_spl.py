"""SPL on a toy corpus: what is mined, what it costs, and what the networks learn."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.diffusion.model import MotionModel
from engine.models.reward import RewardModel
from engine.preference.bank import views
from engine.preference.judged import gather
from engine.preference.records import Vote
from engine.preference.spl import Found, Hyper, Trainer, Voted
from engine.training.reward_data import Pairs
from tests.preference.votes import add_pair, fill, open_store
from tests.tiny import FakeTextEncoder

CPU = torch.device("cpu")
SMALL = Hyper(batch=8, pairs=8, captions=24, every=5, half=False, rate=3e-3, top=3)


@pytest.fixture(scope="module")
def made(places):
    model = MotionModel.from_pretrained(places.model)
    pairs = Pairs(places.corpus, model.ours()[0], FakeTextEncoder(), CPU)
    return model, RewardModel.from_pretrained(places.reward), pairs


def trainer(made, hyper=SMALL, voted=None, pairs=True) -> Trainer:
    torch.manual_seed(0)
    model, reward, corpus = made
    return Trainer(reward, model, hyper, CPU, corpus if pairs else None, voted)


def test_what_is_mined_is_what_a_plain_search_finds(made):
    run = trainer(made, replace(SMALL, noisy=0.0))
    found = run.mine()
    network, pairs = run.current.motion, run.pairs
    everything = torch.arange(len(run.pool))
    pool = run._embedded(run.current, everything, 0)
    assert not found.when.any()
    assert len(found.rows) > 0 and found.share == len(found.rows) / SMALL.captions
    for row, own, rival in zip(found.rows, found.own, found.rival, strict=True):
        text = network.embed_text(*pairs.captions.rows(row[None]))
        scores = (text @ pool.T)[0]
        known = pairs.label >= 0
        equal = (pairs.label == pairs.label[own]) & known & known[own]
        better = (scores > scores[own]) & ~equal
        assert better.sum() >= SMALL.top
        assert better[rival] and not equal[rival]
        assert pairs.label[rival] < 0 or pairs.label[rival] != pairs.label[own]


def test_mistakes_among_noised_motions_are_shown_at_their_own_level(made, monkeypatch):
    run = trainer(made, replace(SMALL, noisy=1.0, top=1, least_noise=300, most_noise=310))
    found = run.found = run.mine()
    assert len(found.rows) > 0 and found.when.unique().numel() == 1
    assert 300 <= int(found.when[0]) <= 310
    seen: list[torch.Tensor] = []
    real = run._compared
    monkeypatch.setattr(run, "_compared", lambda *given: (seen.append(given[-1]), real(*given))[1])
    run._mined(found)
    run._mined(replace(found, when=0 * found.when))
    assert (seen[0] == found.when[0]).all() and seen[1].unique().numel() > 3


def test_captions_that_are_retrieved_have_exactly_no_gradient(made):
    run = trainer(made, replace(SMALL, top=10_000))
    run.found = run.mine()
    assert run.found.share == 0 and len(run.found.rows) == 0
    contrast, mined, *_ = run.terms(torch.zeros(()))
    weights = list(run.learner.parameters())
    none = torch.autograd.grad(mined, weights, allow_unused=True, retain_graph=True)
    assert mined == 0 and all(one is None or not one.any() for one in none)
    some = torch.autograd.grad(contrast, weights, allow_unused=True)
    assert any(one is not None and one.any() for one in some)


def test_pairs_carry_the_same_noise_level_and_are_decoded_from_it(made):
    model, _, _ = made
    run = trainer(made)
    vae, schedule = model.ours()
    index, when = torch.tensor([0, 1]), torch.tensor([400, 400])
    torch.manual_seed(1)
    seen = views(run.pool, index, when, vae, schedule)
    assert seen.t.tolist() == [0, 0, 400, 400]
    assert torch.equal(seen.features[:2], run.pool.features(index)[0])
    decoded = vae.decode(seen.z[2:], seen.mask[2:])[..., :67]
    assert torch.allclose(seen.features[2:], decoded[:, : seen.features.shape[1]])
    assert not torch.allclose(seen.z[:2], seen.z[2:], atol=0.1)


def test_both_networks_learn_a_planted_pair(made):
    run = trainer(made)
    pairs = made[2]
    # The untrained VAE says next to nothing in its latents: let them differ.
    run.pool = replace(run.pool, mean=20 * run.pool.mean, spread=0 * run.pool.spread)
    own, rival = torch.tensor([0]), torch.tensor([len(pairs.frames) - 1])
    found = Found(pairs._caption_rows(own), own, rival, 0 * own, 1.0, 0.0)

    def margins() -> tuple[float, float]:
        text = run.learner.motion.embed_text(*pairs.captions.rows(found.rows))
        both = torch.cat([own, rival])
        clean = torch.zeros(2, dtype=torch.long)
        features, mask = run.pool.features(both)
        x_0, tokens = run.pool.latents(both)
        rows = (run.learner.motion.embed_motion(features, mask, clean),
                run.learner.latent.embed_latent(x_0, tokens, clean))  # fmt: skip
        return tuple(float(text @ (row[0] - row[1])) for row in rows)  # type: ignore[return-value]

    with torch.no_grad():
        run.learner.eval()
        before = margins()
    optimizer = torch.optim.Adam(run.learner.parameters(), 1e-2)
    for _ in range(40):
        run.learner.train()
        optimizer.zero_grad()
        run._mined(found).backward()
        optimizer.step()
    with torch.no_grad():
        run.learner.eval()
        after = margins()
    assert after[0] > before[0] + 0.1 and after[1] > before[1] + 0.1


def test_updates_run_with_and_without_a_corpus(made, tmp_path):
    store = open_store(tmp_path)
    voted = Voted.of(gather(store, fill(store, 6)), made[0], FakeTextEncoder(), CPU)
    for with_corpus in (True, False):
        run = trainer(made, voted=voted, pairs=with_corpus)
        first = [value.clone() for value in run.learner.parameters()]
        for _ in range(3):
            terms = run.step(1.0)
        assert torch.isfinite(terms).all() and (terms[0] > 0) == with_corpus and terms[2] > 0
        moved = [not torch.equal(a, b) for a, b in zip(first, run.learner.parameters(),
                                                       strict=True)]  # fmt: skip
        assert any(moved)
    # The reward that was given never changes.
    again = RewardModel.from_pretrained
    assert again is not None and not any(p.requires_grad for p in made[1].motion.parameters())


def test_far_embeddings_cost(made, tmp_path):
    store = open_store(tmp_path)
    judged = gather(store, [Vote(add_pair(store, 1, 7), "left")])
    run = trainer(made, voted=Voted.of(judged, made[0], FakeTextEncoder(), CPU), pairs=False)
    run.learner.eval()
    with torch.no_grad():
        near = float(run.terms(torch.zeros(()))[3])
        for parameter in run.learner.motion.motion.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        assert float(run.terms(torch.zeros(()))[3]) > near + 0.1

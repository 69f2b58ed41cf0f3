"""Training over frames: what is drawn, what the losses mean, and a folder that generates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.backbones.mdm import MDM, Frames, FramesConfig, MDMConfig
from engine.diffusion.ancestral import AncestralConfig, AncestralSchedule
from engine.errors import StudioError
from engine.files import read_json
from engine.models.draw import Draw
from engine.motion.features import HUMANML3D, joints_to_features
from engine.training import corpus, frame_rows
from engine.training.common import Updater
from engine.training.frame_rows import FrameRows
from engine.training.loop import Budget
from engine.training.motion_space import (
    Hyper,
    Loss,
    fit_text,
    geometry,
    train,
    train_from_folder,
)
from tests.motion.bodies import walk
from tests.tiny import TEXT_DIM, FakeTextEncoder, load_tiny

CPU = torch.device("cpu")
SMALL = MDMConfig(263, 32, 2, 2, 48, TEXT_DIM)
HYPER = Hyper(batch=8, rate=2e-3, half=False)


@pytest.fixture(scope="module")
def rows(corpus_folder: Path) -> FrameRows:
    return FrameRows(corpus_folder, FakeTextEncoder(), CPU)


@pytest.fixture
def codec(rows: FrameRows) -> Frames:
    made = Frames(FramesConfig())
    made.feature_mean.copy_(rows.mean)
    made.feature_std.copy_(rows.std)
    return made


def test_frames_come_back_as_they_were_captured(
    corpus_folder: Path, rows: FrameRows, codec: Frames
) -> None:
    """Row by row, of the motion that was picked and of no other; training motions alone."""
    items, stored, _ = corpus.load(corpus_folder)
    starts = np.cumsum([0, *(item.frames for item in items)])
    whole = [stored[starts[i] : starts[i + 1]] for i, one in enumerate(items)
             if one.split == "train"]  # fmt: skip
    assert len(rows.frames) == len(whole) < len(items)
    x_0, frames, mask, (states, text_mask) = rows.batch(64, Draw(CPU, 3))
    assert x_0.shape[1:] == (max(frame_rows.SPANS[0], x_0.shape[1]), 263)
    assert states.shape[0] == 64 and bool(text_mask[:, 0].all())
    assert bool((mask.sum(1) == frames).all()) and not bool(x_0[~mask].any())
    raw = codec.decode(x_0)
    for row, length in zip(raw[:12], frames.tolist(), strict=False):
        piece = row[:length].numpy()
        near = min(
            float(np.abs(one[start : start + length] - piece).max())
            for one in whole
            for start in range(len(one) - length + 1)
        )
        assert near < 5e-3  # half precision


def test_lengths_are_drawn_as_often_as_their_motions(rows: FrameRows) -> None:
    draw, spans = Draw(CPU, 0), []
    seen = torch.zeros(frame_rows.SPANS[-1] + 1)
    for update in range(300):
        draw.start(update)
        x_0, frames, _, _ = rows.batch(16, draw)
        spans.append(x_0.shape[1])
        assert int(frames.max()) <= x_0.shape[1]
        seen[frames] += 1
    for span in rows.spans:
        below = max((s for s in frame_rows.SPANS if s < span), default=0)
        inside = (rows.frames > below) & (rows.frames <= span)
        assert spans.count(span) / 300 == pytest.approx(float(rows.chance[inside].sum()), abs=0.1)
    assert sorted(set(spans)) == rows.spans


def test_frames_are_standardised_by_part(rows: FrameRows) -> None:
    """Over motions as often as they are drawn, each by the mean of its frames."""
    mean, square = torch.zeros(263), torch.zeros(263)
    for start, frames, chance in zip(rows.starts, rows.frames, rows.chance, strict=True):
        part = rows.rows[start : start + frames].float()
        mean, square = mean + chance * part.mean(0), square + chance * part.square().mean(0)
    assert float(mean.abs().max()) < 1e-2
    for name in ("ric", "rot6d", "speed", "contact"):
        where = HUMANML3D.parts[name]
        assert rows.std[where].unique().numel() == 1  # one deviation for all of a part
        assert float(square[where].sqrt().mean()) == pytest.approx(1.0, abs=0.02)


def test_geometry_is_nothing_for_the_motion_itself_and_sees_each_fault(codec: Frames) -> None:
    x_0 = codec.encode(torch.from_numpy(joints_to_features(walk(60)))[None])
    mask = torch.ones(1, 59, dtype=torch.bool)
    off, moved = geometry(codec, x_0, x_0, mask)
    assert float(off.max()) == float(moved.max()) == 0.0
    turned = x_0.clone()
    turned[:, 10, 0] += (
        0.2 / codec.feature_std[0]
    )  # one wrong turn: every frame after it is elsewhere
    off, _ = geometry(codec, turned, x_0, mask)
    assert not bool(off[:, :10].any()) and float(off[:, -1]) > 1e-4
    sliding = x_0.clone()
    sliding[:, :, 1:3] += 1.0  # the root goes faster than the steps
    stands = codec.decode(x_0)[:, :-1, 259:] > 0.5
    _, moved = geometry(codec, sliding, x_0, mask)
    assert bool((moved[stands.any(-1)] > 0).all()) and not bool(moved[~stands.any(-1)].any())


def test_padding_does_not_reach_the_loss(rows: FrameRows, codec: Frames) -> None:
    torch.manual_seed(0)
    loss = Loss(MDM(SMALL).eval(), codec, AncestralSchedule(), HYPER, CPU)
    x_0, eps, *rest = loss.inputs(rows, Draw(CPU, 1), 8, rows.spans[-1])
    mask = rest[-2]
    assert not bool(mask.all())
    other, noise = x_0.clone(), eps.clone()
    other[~mask], noise[~mask] = 9.0, -9.0
    torch.testing.assert_close(loss(other, noise, *rest), loss(x_0, eps, *rest))


def test_the_network_learns(rows: FrameRows, codec: Frames) -> None:
    torch.manual_seed(0)
    network = MDM(SMALL)
    fit_text(network, rows.captions)
    loss = Loss(network, codec, AncestralSchedule(), HYPER, CPU)
    judged = loss.inputs(rows, Draw(CPU, 99), 16)
    with torch.no_grad():
        before = loss(*judged)
    update, draw = Updater(network, loss, 0.0), Draw(CPU, 5)
    for number in range(80):
        draw.start(number)
        update(2e-3, *loss.inputs(rows, draw, 8))
    with torch.no_grad():
        after = loss(*judged)
    assert float(after[0]) < 0.6 * float(before[0])
    assert bool((after[1:] < before[1:]).all())


def test_bf16_gives_nearly_the_same_loss(rows: FrameRows, codec: Frames) -> None:
    torch.manual_seed(0)
    network = MDM(SMALL)
    full = Loss(network, codec, AncestralSchedule(), HYPER, CPU)
    half = Loss(network, codec, AncestralSchedule(), Hyper(batch=8), CPU)
    judged = full.inputs(rows, Draw(CPU, 2), 8)
    torch.testing.assert_close(half(*judged), full(*judged), rtol=0.03, atol=1e-3)


def test_prompts_are_read_whitened(rows: FrameRows) -> None:
    """Over all captions the first layer gives what it would for uncorrelated vectors of unit
    variance, up to the ridge: nothing that sentences differ in is lost beside what they share."""
    torch.manual_seed(0)
    network, plain = MDM(SMALL), MDM(SMALL)
    plain.load_state_dict(network.state_dict())
    fit_text(network, rows.captions)
    states, lengths = rows.captions.states.float(), rows.captions.lengths[:, None]
    read = network.embed_text(states.sum(1) / lengths)
    torch.testing.assert_close(
        read.mean(0), plain.embed_text.bias, rtol=0, atol=1e-2
    )  # what all share is gone
    before = plain.embed_text(states.sum(1) / lengths)
    assert float(read.std(0).mean().detach()) > 1.5 * float(before.std(0).mean().detach())


def test_a_folder_comes_out_that_generates(corpus_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    train(corpus_folder, out, SMALL, AncestralConfig(6), FakeTextEncoder(), HYPER,
          Budget(1.0, updates=3), "cpu")  # fmt: skip
    report = read_json(out / "training.json")
    assert report["updates"] == 3 and report["kind"] == "ancestral"
    assert set(report["curve"][-1]) == {"update", "features", "joints", "feet"}
    pipeline = load_tiny(out)
    assert (pipeline.model.family, pipeline.model.steps) == ("mdm", 6)
    assert pipeline.model.text_encoder == "all-MiniLM-L6-v2"
    first = pipeline(["a person walks"], 3.0, 1)[0]
    assert first.joints.shape == (60, 22, 3)
    assert np.array_equal(first.joints, pipeline(["a person walks"], 3.0, 1)[0].joints)
    assert np.abs(first.joints - pipeline(["a person waves"], 3.0, 1)[0].joints).max() > 1e-5


def test_several_words_are_read_as_their_mean_and_padding_never(rows: FrameRows) -> None:
    torch.manual_seed(0)
    network = MDM(SMALL)
    states, mask = torch.randn(2, 5, TEXT_DIM), torch.arange(5)[None] < torch.tensor([[3], [5]])
    read = network.text(states, mask)
    torch.testing.assert_close(read.pooled[0], states[0, :3].mean(0))
    states[0, 3:] = 99.0
    assert torch.equal(network.text(states, mask).pooled, read.pooled)
    one = network.text(states[:, :1], mask[:, :1])
    assert torch.equal(one.pooled, states[:, 0])
    assert not bool(network.text(states, mask, torch.tensor([True, False])).pooled[0].any())


def test_a_width_without_heads_is_explained(corpus_folder: Path, tmp_path: Path) -> None:
    sizes = {"layers": 1, "width": 195, "feed_forward": 8}
    with pytest.raises(StudioError, match="is no multiple of 6"):
        train_from_folder(corpus_folder, tmp_path, sizes, 50, HYPER, Budget(1.0), "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_it_trains_on_a_gpu(corpus_folder: Path, tmp_path: Path) -> None:
    hyper = Hyper(batch=8, rate=1e-3)
    train(corpus_folder, tmp_path, SMALL, AncestralConfig(6), FakeTextEncoder(), hyper,
          Budget(1.0, updates=60), "cuda")  # fmt: skip
    curve = read_json(tmp_path / "training.json")["curve"]
    assert curve[-1]["features"] < curve[0]["features"]

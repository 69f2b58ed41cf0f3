"""The evaluator's interface, and a tiny training that must learn to tell three motions apart."""

import zlib

import numpy as np
import pytest
import torch

from engine.data.clip import Clip
from engine.data.dataset import MotionDataset, write_index, write_motion
from engine.errors import StudioError
from engine.evaluation.evaluator import Evaluator, as_features, pad
from engine.evaluation.evaluator_data import Item, balance, shown_to_judge
from engine.evaluation.evaluator_net import EvaluatorConfig, EvaluatorNet
from engine.files import read_json
from engine.training.evaluator import Recipe, contrast, train
from engine.training.loop import Budget
from tests.evaluation import figures as fig
from tests.tiny import FakeTextEncoder


class WordEncoder:
    """A text encoder whose token states are fixed random vectors of the words."""

    dim, name = 32, "words"

    def encode(self, texts):
        split = [text.lower().strip(".").split() for text in texts]
        states = torch.zeros(len(texts), max(map(len, split)), self.dim)
        mask = torch.zeros(states.shape[:2], dtype=torch.bool)
        for row, words in enumerate(split):
            for column, word in enumerate(words):
                seed = zlib.crc32(word.encode())
                states[row, column] = torch.from_numpy(
                    np.random.default_rng(seed).normal(size=self.dim)
                )
                mask[row, column] = True
        return states, mask


def small():
    return EvaluatorConfig(
        width=24, recurrent=16, text_dim=32, text_width=24, text_layers=1, text_heads=2,
        embedding=16, dropout=0.0, contents=("a", "b"), styles=("x",),
    )  # fmt: skip


@pytest.fixture
def evaluator():
    torch.manual_seed(0)
    return Evaluator(EvaluatorNet(small()), WordEncoder())


def test_full_size_stays_under_the_limit():
    names = tuple(map(str, range(130)))
    net = EvaluatorNet(EvaluatorConfig(contents=names, styles=names[:25]))
    assert sum(p.numel() for p in net.parameters()) <= 2_200_000


def test_embeddings_do_not_depend_on_the_company(evaluator):
    long, short = fig.walk(frames=90), fig.pitch(fig.standing(41), 20)
    together = evaluator.embed_motion([long, short, long])
    alone = evaluator.embed_motion([short])
    assert together[1] == pytest.approx(alone[0], abs=1e-5)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    texts = evaluator.embed_text(["a person walks", "someone"])
    assert texts[1] == pytest.approx(evaluator.embed_text(["someone"])[0], abs=1e-5)


def test_joints_and_features_are_the_same_to_it(evaluator):
    joints = fig.walk(frames=60).astype(np.float32)
    both = evaluator.embed_motion([joints, as_features(joints)])
    assert both[0] == pytest.approx(both[1])
    with pytest.raises(StudioError):
        evaluator.embed_motion([np.zeros((5, 7))])


def test_save_and_load_keep_what_it_says(evaluator, tmp_path):
    evaluator.net.std.fill_(0.123456789)
    evaluator.save_pretrained(tmp_path / "e")
    loaded = Evaluator.from_pretrained(tmp_path / "e", WordEncoder())
    assert loaded.net.config == evaluator.net.config
    assert torch.equal(loaded.net.std, evaluator.net.std)
    assert set(read_json(tmp_path / "e" / "sha256.json")) == {"config.json", "model.safetensors"}
    motions = [fig.walk(frames=60)]
    got, want = loaded.embed_motion(motions), evaluator.embed_motion(motions)
    assert got == pytest.approx(want, abs=5e-3)
    assert loaded.embed_text(["one two"]).shape == (1, 16)
    classes = loaded.classify(motions)
    assert classes.content.sum() == pytest.approx(1, abs=1e-5)
    assert classes.content_names()[0] in ("a", "b")
    assert classes.style_names() == ["x"]


def test_damaged_folders_are_refused(evaluator, tmp_path):
    with pytest.raises(StudioError):
        Evaluator.from_pretrained(tmp_path)
    evaluator.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(StudioError):
        Evaluator.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"contents": []}')
    with pytest.raises(StudioError):
        Evaluator.from_pretrained(tmp_path)


def test_weights_that_are_no_numbers_are_refused(evaluator, tmp_path):
    evaluator.net.state_dict()["head_norm.weight"][0] = float("nan")
    evaluator.save_pretrained(tmp_path)
    with pytest.raises(StudioError, match="no numbers"):
        Evaluator.from_pretrained(tmp_path)


def test_another_text_encoder_is_refused():
    with pytest.raises(StudioError, match=r"reads text states of 32 channels.*gives 384"):
        Evaluator(EvaluatorNet(small()), FakeTextEncoder())


def test_contrast_ignores_masked_rivals():
    text = motion = torch.eye(4)
    none = torch.zeros(4, 4, dtype=torch.bool)
    good = contrast(text, motion, torch.tensor(10.0), none)
    twins = text.clone()
    twins[1] = twins[0]
    bad = contrast(twins, twins, torch.tensor(10.0), none)
    masked = none.clone()
    masked[0, 1] = masked[1, 0] = True
    assert bad > good + 0.3
    assert contrast(twins, twins, torch.tensor(10.0), masked) == pytest.approx(
        float(good), abs=1e-3
    )


def clip(number, content, style="neutral", split="train", frames=60):
    return Clip(
        id=f"{content}-{style}-{split}-{number}", source="made", take=str(number),
        group=f"{content}{number}", actor="", content=content, style=style, captions=(),
        frames=frames, split=split, licence="none",
    )  # fmt: skip


def test_balance_lifts_rare_labels():
    items = [Item(clip(n, "walk"), False, "walk") for n in range(100)]
    items += [Item(clip(0, "bow"), False, "bow")]
    even, counted = balance(items, 1.0), balance(items, 0.0)
    assert even[100] == pytest.approx(0.5)
    assert counted == pytest.approx(np.full(101, 1 / 101))
    assert counted[100] < balance(items, 0.5)[100] < even[100]


def test_the_judge_sees_a_fixed_share_of_unseen_pairs_and_nothing_else_held_out():
    clips = [clip(n, "walk", split="unseen") for n in range(400)]
    shown = {c.id for c in clips if shown_to_judge(c, 0.5)}
    assert 150 < len(shown) < 250
    assert shown <= {c.id for c in clips if shown_to_judge(c, 0.8)}
    assert not any(shown_to_judge(c, 0.0) for c in clips)
    assert not any(shown_to_judge(clip(n, "walk", split="test"), 1.0) for n in range(20))


def made_dataset(folder):
    rng = np.random.default_rng(0)
    clips = []
    for number in range(48):
        split = "train" if number < 32 else "val"
        motions = {
            "walk": fig.walk(frames=60, speed=1.0 + 0.3 * rng.random()),
            "bow": fig.pitch(fig.standing(60), 60 * np.sin(np.linspace(0, 3, 60)) ** 2),
            "raise-up-both-hands": fig.place_arm(
                fig.place_arm(fig.standing(60), "left", (0.1, 1, rng.normal() * 0.1)),
                "right", (-0.1, 1, rng.normal() * 0.1),
            ),
        }  # fmt: skip
        for content, joints in motions.items():
            one = clip(number, content, split=split)
            clips.append(one)
            write_motion(folder, one.source, one.id, joints)
    write_index(folder, clips, [], {"sources": {}})
    return MotionDataset.open(folder)


def test_a_tiny_training_learns_three_motions(tmp_path):
    data = made_dataset(tmp_path / "data")
    recipe = Recipe(batch=32, captions=600, checks=2, rate=3e-3, average=0.9, jobs=1)
    got = train(data, WordEncoder(), Budget(5.0, updates=60), "cpu", 0, tmp_path / "out",
                config=small(), recipe=recipe)  # fmt: skip
    curve = read_json(tmp_path / "out" / "training.json")["curve"]
    assert [entry["update"] for entry in curve] == [30, 60]
    assert curve[-1]["content"] > 0.9
    assert got.contents == ("bow", "raise-up-both-hands", "walk")
    again = Evaluator.from_pretrained(tmp_path / "out", WordEncoder())
    names = again.classify([fig.walk(frames=70), fig.standing(50) * 1.0]).content_names()
    assert names[0] == "walk"


def test_an_empty_dataset_is_refused(tmp_path):
    write_index(tmp_path, [], [], {"sources": {}})
    with pytest.raises(StudioError, match="no training clips"):
        train(MotionDataset.open(tmp_path), WordEncoder(), Budget(0.1), "cpu", 0, tmp_path / "out")


def test_padding():
    padded, lengths = pad([np.ones((3, 263)), np.ones((5, 263))])
    assert padded.shape == (2, 5, 263)
    assert lengths.tolist() == [3, 5]
    assert float(padded[0, 3:].abs().sum()) == 0

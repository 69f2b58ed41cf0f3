"""How a model is scored on a split: the same captions, clips and measures for every row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.data.clip import Clip
from engine.data.dataset import MotionDataset
from engine.errors import StudioError
from engine.evaluation import metrics, physical
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.evaluator_data import draw_captions, make_items, shown_to_judge
from engine.models.vae import MotionVAE
from engine.models.vae import reconstruct as rebuilt_features
from engine.motion.canonical import canonicalize
from engine.motion.features import features_to_joints, joints_to_features
from engine.motion.kinematics import finish, to_skeleton
from engine.motion.skeleton import FPS, MAX_FRAMES, MIN_FRAMES

SHUFFLES = 20


@dataclass(frozen=True)
class Reference:
    """A split as it is scored: clips, one caption each, embeddings of texts and real motions."""

    split: str
    clips: list[Clip]
    joints: list[np.ndarray]
    captions: list[str]
    text: np.ndarray
    motion: np.ndarray

    @property
    def keys(self) -> list[tuple[str, str]]:
        """(content, style) of every clip: clips of one key are not each other's wrong answer."""
        return [(clip.content or clip.id, clip.style) for clip in self.clips]

    @property
    def seconds(self) -> list[float]:
        """Durations to generate."""
        return [len(joints) / FPS for joints in self.joints]

    def part(self, rows: Sequence[int]) -> Reference:
        """The same for some of the clips."""
        chosen = list(rows)
        return Reference(
            self.split, [self.clips[i] for i in chosen], [self.joints[i] for i in chosen],
            [self.captions[i] for i in chosen], self.text[chosen], self.motion[chosen],
        )  # fmt: skip


def make_reference(
    data: MotionDataset, evaluator: Evaluator, split: str, seed: int = 0, limit: int | None = None
) -> Reference:
    """Captions (reserved phrasings the generator never trained on) and embeddings of a split.

    Clips the generator cannot be asked for (under 1.0 or over 9.8 s) and clips the evaluator was
    trained on are left out.
    """
    share = evaluator.net.config.unseen_share
    clips = [c for c in data.select(split=split)
             if MIN_FRAMES <= c.frames <= MAX_FRAMES and not shown_to_judge(c, share)]  # fmt: skip
    rng = np.random.default_rng(seed)
    if limit is not None and limit < len(clips):
        clips = [clips[index] for index in sorted(rng.permutation(len(clips))[:limit])]
    if not clips:
        raise StudioError(f"The dataset has no clips in the split '{split}'.")
    joints = [data.joints(clip) for clip in clips]
    drawn = draw_captions(make_items(clips, with_mirrored=False), 1, rng, "eval", typos=0.0)
    captions = [row[0] for row in drawn]
    text, motion = evaluator.embed_text(captions), evaluator.embed_motion(joints)
    return Reference(split, clips, joints, captions, text, motion)


def score(
    evaluator: Evaluator,
    reference: Reference,
    replications: Sequence[Sequence[np.ndarray]],
    seed: int = 0,
    embeddings: Sequence[np.ndarray] | None = None,
) -> dict[str, Any]:
    """All metrics of motions standing for the reference's captions, one list per replication.

    Values are means with 95 % intervals over replications. R-precision is the mean of 20 ways to
    cut the clips into groups; of a single replication its interval is over those 20.
    `embeddings`, one array [N,D] per replication, spare embedding the motions here.
    """
    rows: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        rows.setdefault(name, []).append(float(value))

    for number, joints in enumerate(replications):
        embedding = evaluator.embed_motion(joints) if embeddings is None else embeddings[number]
        rng = np.random.default_rng([seed, number])
        if len(embedding) >= metrics.GROUP:
            for name, values in _retrieval(reference, embedding, rng).items():
                # Shuffles of the same motions are no replications: they would narrow the interval.
                for value in values if len(replications) == 1 else [float(np.mean(values))]:
                    note(name, value)
        note("mm_dist", metrics.mm_dist(reference.text, embedding))
        note("fid", metrics.fid(embedding, reference.motion))
        note("diversity", metrics.diversity(embedding, rng))
        for name, value in accuracies(evaluator, reference.clips, embedding).items():
            note(name, value)
    summary: dict[str, Any] = {}
    for name, values in rows.items():
        one = metrics.interval(values)
        summary[name] = {"mean": one.mean, "half_width": one.half_width, "count": one.count}
    summary["physical"] = physical.compare(
        [joints for part in replications for joints in part], reference.joints
    )
    return summary


def _retrieval(
    reference: Reference, embedding: np.ndarray, rng: np.random.Generator
) -> dict[str, list[float]]:
    """R-precision of every shuffle, label twins left out ("r1" ...) and not ("strict_r1" ...)."""
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(SHUFFLES):
        for name, keys in (("r", reference.keys), ("strict_r", None)):
            hits = metrics.r_precision(reference.text, embedding, rng, keys=keys)
            for rank, value in enumerate(hits, start=1):
                found[f"{name}{rank}"].append(float(value))
    return found


def other_real(
    data: MotionDataset, reference: Reference, times: int, seed: int = 0
) -> tuple[list[int], list[list[np.ndarray]]]:
    """Other recordings of what the reference shows: the floor that a generator's FID is read by.

    Returns the rows of the reference for which the dataset holds another clip of the same content
    and style, and `times` draws of such clips' joints, one per row and none twice in a draw. Drawn
    from whatever is neither scored nor in the test split.
    """
    scored = {clip.id for clip in reference.clips}
    pool: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in data.clips:
        if (clip.split != "test" and clip.id not in scored and clip.content
                and MIN_FRAMES <= clip.frames <= MAX_FRAMES):  # fmt: skip
            pool[clip.content, clip.style].append(clip)
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, key in enumerate(reference.keys):
        if len(rows[key]) < len(pool[key]):
            rows[key].append(row)
    kept = [row for members in rows.values() for row in members]
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(times if kept else 0):
        picks = [pool[key][int(index)] for key, members in rows.items()
                 for index in rng.permutation(len(pool[key]))[: len(members)]]  # fmt: skip
        draws.append([data.joints(clip) for clip in picks])
    return kept, draws


def accuracies(
    evaluator: Evaluator, clips: Sequence[Clip], embedding: np.ndarray
) -> dict[str, float]:
    """Share of motions whose content and style the evaluator names as labelled.

    Also the mean over contents of the content accuracy, in which a rare label counts like a
    frequent one. Labels that the evaluator has no class for are left out.
    """
    classes = evaluator.classify_embedding(embedding)
    content = [(clip.content, name == clip.content)
               for clip, name in zip(clips, classes.content_names(), strict=True)
               if clip.content in classes.contents]  # fmt: skip
    style = [name == clip.style for clip, name in zip(clips, classes.style_names(), strict=True)
             if clip.style in classes.styles]  # fmt: skip
    by_label: dict[str, list[bool]] = {}
    for label, right in content:
        by_label.setdefault(label, []).append(right)
    found: dict[str, float] = {}
    if content:
        found["content"] = float(np.mean([right for _, right in content]))
        found["content_by_label"] = float(np.mean([np.mean(v) for v in by_label.values()]))
    if style:
        found["style"] = float(np.mean(style))
    return found


def reconstruct(
    vae: MotionVAE, joints: Sequence[np.ndarray], clean: bool = True
) -> list[np.ndarray]:
    """Joints [T,22,3] through the VAE and back, [T-1,22,3], cleaned like generated motions."""
    device = next(vae.parameters()).device
    features = [torch.from_numpy(joints_to_features(one)).to(device) for one in joints]
    made = [
        to_skeleton(features_to_joints(one)).cpu().numpy()
        for one in rebuilt_features(vae, features)
    ]
    return [finish(canonicalize(one, floor=0.0)) if clean else one for one in made]


def joint_error(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> float:
    """Mean distance in millimetres between joints of two lists, over the frames both have."""
    gaps = []
    for a, b in zip(first, second, strict=True):
        frames = min(len(a), len(b))
        gaps.append(np.linalg.norm(a[:frames] - b[:frames], axis=-1).mean())
    return float(np.mean(gaps) * 1000)

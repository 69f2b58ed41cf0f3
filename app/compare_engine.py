"""The Compare tab's way into the engine: names to adapters, and what motions are judged by."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app import errors
from app.compare_inputs import MOST_PACK, CompareWish, PackWish, SideWish
from engine.compare.choice import ModelChoice
from engine.compare.packs import packs
from engine.errors import StudioError
from engine.models.registry import available_adapters, resolve_adapter
from engine.motion.skeleton import FPS

if TYPE_CHECKING:
    from app.given import Given
    from engine.compare.judge import Judge
    from engine.compare.pack import PackRun
    from engine.compare.pair import Pair
    from engine.evaluation.evaluator import Evaluator
    from engine.pipeline import MotionPipeline
    from engine.tuning.rewards.base import Reward

log = logging.getLogger("easytune.page")

FOLLOW = {"follow": 1.0}  # the reward shown: text alignment, read from latents as tuning does


def run(
    pipeline: MotionPipeline,
    judge: Judge,
    wish: CompareWish,
    cancelled: Callable[[], bool],
    before: Pair | None = None,
    shelf: Mapping[str, Given] | None = None,
) -> Pair:
    """The pair of a wish; `before` is the one on the page, whose base need not be made again.

    `shelf` holds the visitor's own motions. Where one is a side, both are as long as it is, or as
    the shorter of two.
    """
    from engine.compare.run import compare

    sides, own = [], []
    for side in (wish.left, wish.right):
        if side.given:
            if not shelf or side.given not in shelf:
                raise StudioError("This motion is no longer kept. Open its file again.")
            own.append(shelf[side.given])
            sides.append(ModelChoice(given=side.given, title=own[-1].title))
        else:
            sides.append(choice(side))
    frames = min((one.motion.frames for one in own), default=0)
    motions = [replace(one.motion, joints=one.motion.joints[:frames]) for one in own]
    given = dict(zip((one for one in sides if one.given), motions, strict=True))
    return compare(
        pipeline, wish.prompt, frames / FPS if frames else wish.seconds, wish.seed, *sides,
        judge=judge, cancel=cancelled, before=before, given=given,
    )  # fmt: skip


def start_pack(wish: PackWish) -> PackRun:
    """The run of a whole pack, with nothing done yet; packs by name only."""
    from engine.compare.pack import PackRun

    known = packs()
    if wish.pack not in known:
        raise StudioError("Choose a pack of prompts from the list.")
    prompts = known[wish.pack][:MOST_PACK]
    return PackRun(prompts, wish.seed, choice(wish.left), choice(wish.right))


def choice(side: SideWish) -> ModelChoice:
    """Adapters by name only: a visitor cannot name a path."""
    known = available_adapters()
    for name, _ in side.adapters:
        if name not in known:
            raise StudioError(f"There is no tuned model called {name!r}. Choose one from the list.")
    folders = tuple((resolve_adapter(name), strength) for name, strength in side.adapters)
    return ModelChoice(folders, side.guidance)


def load_judge(pipeline: MotionPipeline, checkpoints: Path, model: Path) -> Judge:
    """What there is to judge by; whatever cannot be loaded is logged and left out."""
    from engine.compare.judge import Judge

    return Judge(_evaluator(pipeline, checkpoints), _reward(pipeline, checkpoints, model))


def _evaluator(pipeline: MotionPipeline, checkpoints: Path) -> Evaluator | None:
    from engine.evaluation.evaluator import Evaluator

    try:
        text = pipeline.text if pipeline.model.own else None  # it reads its own encoder's states
        return Evaluator.from_pretrained(checkpoints / "evaluator", text, pipeline.device)
    except StudioError as error:
        log.warning("no evaluator: %s", errors.sentence(error))
        return None


def _reward(pipeline: MotionPipeline, checkpoints: Path, model: Path) -> Reward | None:
    from engine.models.reward import RewardModel
    from engine.tuning.rewards.registry import make_reward

    folder = checkpoints / "reward"
    try:
        if pipeline.model.own:
            RewardModel.from_pretrained(folder).check_belongs(model)
        return make_reward(FOLLOW, "latent", pipeline.model, folder, pipeline.device)
    except StudioError as error:
        log.info("no reward: %s", error)
        return None

"""One prompt and one noise through two models, or a motion that is given beside one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from engine.checks import check_guidance, check_prompt, check_seconds, check_seed, check_steps
from engine.compare.choice import ModelChoice, worn
from engine.compare.given import given_side
from engine.compare.judge import Judge
from engine.compare.pair import Pair, Side, Steps
from engine.compare.walk import decoded_steps, walk
from engine.motion.motion import Motion

if TYPE_CHECKING:
    from engine.pipeline import MotionPipeline


def compare(
    pipeline: MotionPipeline,
    prompt: str,
    seconds: float,
    seed: int,
    left: ModelChoice,
    right: ModelChoice,
    *,
    steps: int | None = None,
    judge: Judge | None = None,
    inside: bool = True,
    cancel: Callable[[], bool] | None = None,
    before: Pair | None = None,
    given: Mapping[ModelChoice, Motion] | None = None,
) -> Pair:
    """Both motions, cleaned, with their numbers; the same call gives the same pair.

    `inside` also decodes every denoising step and the reward's pull. `before` is an earlier pair
    with the same `steps`, `judge` and `inside`: its base is taken over where it is asked for again
    (an adapter's files may have changed since). `given` are the motions of sides that are no
    models; they are as long as `seconds` says. Others who use the same
    pipeline must wait meanwhile; afterwards it is its base. Raises StudioError for bad requests
    and adapters, Cancelled when `cancel` says so.
    """
    text, frames, start = check_prompt(prompt), check_seconds(seconds), check_seed(seed)
    count = pipeline.model.steps if steps is None else check_steps(steps)
    judge = judge or Judge()

    known = _bases(before, (text, float(seconds), start))

    def side(choice: ModelChoice) -> Side:
        if choice in known:
            return known[choice]
        if given is not None and choice in given:
            return given_side(pipeline, judge, choice, given[choice], text)
        usual = pipeline.model.guidance_at(count)
        guidance = check_guidance(usual if choice.guidance is None else choice.guidance)
        with worn(pipeline, choice):
            model_id = pipeline.model_id
            walked = walk(pipeline, [text], [frames], [start], guidance, count, cancel)
        joints = pipeline.joints(walked.latents, walked.batch.mask, [frames])[0]
        motion = Motion(joints, prompt=text, seed=start, model=model_id)
        rewards = judge.rewards(walked)
        by_step = None if rewards is None else rewards[:, 0]
        numbers = judge.numbers(motion, by_step)
        if not inside:
            return Side(choice, motion, numbers)
        way = Steps(decoded_steps(pipeline, walked), walked.timesteps, by_step)
        pull = judge.pull(pipeline, walked)
        return Side(choice, motion, numbers, way, None if pull is None else pull[0])

    return Pair(text, float(seconds), start, side(left), side(right))


def _bases(pair: Pair | None, asked: tuple[str, float, int]) -> dict[ModelChoice, Side]:
    """Sides of a pair that no adapter had a part in, if it answered what is asked now."""
    if pair is None or (pair.prompt, pair.seconds, pair.seed) != asked:
        return {}
    return {side.choice: side for side in pair.sides if not side.choice.adapters}

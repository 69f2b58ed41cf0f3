"""score: how well a motion file fits a prompt, in the reward's and the evaluator's opinion."""

from __future__ import annotations

import json as jsonlib
from dataclasses import dataclass
from pathlib import Path

from engine.checks import check_prompt
from engine.errors import StudioError
from engine.models.registry import resolve_model, resolve_reward
from engine.motion.formats.load import load_motion

OPINION = (
    "The reward is a network's opinion, no measurement: tuning raises it, and it can be wrong. "
    "The evaluator is another network, which no tuning ever sees."
)


@dataclass(frozen=True)
class Request:
    """Arguments of `python -m engine score`."""

    file: Path
    prompt: str
    start: float = 0.0
    y_up: bool = False
    model: str = "base"
    reward_model: str = "reward"
    evaluator: Path = Path("checkpoints/evaluator")
    device: str | None = None
    json: bool = False


def run(request: Request) -> dict[str, float]:
    """Read the file, print the numbers; StudioError where file or networks cannot be used."""
    prompt = check_prompt(request.prompt)
    loaded = load_motion(request.file, request.start, request.y_up)
    from engine.compare.given import fit
    from engine.compare.judge import Judge
    from engine.evaluation.evaluator import Evaluator
    from engine.models.reward import RewardModel
    from engine.pipeline import MotionPipeline
    from engine.tuning.rewards.registry import make_reward

    folder, networks = resolve_model(request.model), resolve_reward(request.reward_model)
    pipeline = MotionPipeline.from_pretrained(folder, request.device)
    if not pipeline.model.own:
        raise StudioError("Published models have no such reward. Use the base model.")
    RewardModel.from_pretrained(networks).check_belongs(folder)
    reward = make_reward({"follow": 1.0}, "latent", pipeline.model, networks, pipeline.device)
    evaluator = Evaluator.from_pretrained(request.evaluator, pipeline.text, pipeline.device)
    numbers = fit(pipeline, Judge(evaluator, reward), loaded.motion, prompt)
    if request.json:
        facts = {"file": str(request.file), "prompt": prompt, "seconds": loaded.motion.seconds}
        print(jsonlib.dumps({**facts, **numbers}))
        return numbers
    print(f"{request.file}, {loaded.motion.seconds:.2f} seconds, for “{prompt}” (-1 to 1):")
    print(f"  reward     {numbers['reward']:+.3f}")
    print(f"  evaluator  {numbers['similarity']:+.3f}")
    print(OPINION)
    return numbers

"""What tuning did: base against tuned on the validation prompts, by judges it never saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.errors import StudioError
from engine.evaluation.comparison import compare, in_words
from engine.evaluation.evaluator import Evaluator
from engine.models.registry import resolve_model
from engine.motion.motion import Motion
from engine.tuning import presets
from engine.tuning.assemble import Workshop
from engine.tuning.guard import Values

FORMAT = "easytune-report"
VERSION = 1


def make_report(
    shop: Workshop,
    before: Values,
    after: Values,
    told: dict[str, Any],
    evaluator: Path | None = None,
) -> dict[str, Any]:
    """The content of report.json. `told` adds what the run knows: reason, passes, updates ...

    `evaluator` is a folder; None means the one in checkpoints/. Without one (StudioError when
    loading it) the comparison is left out and the words say why.
    """
    comparison, words = None, []
    try:
        judge = Evaluator.from_pretrained(
            evaluator or resolve_model("evaluator"),
            shop.encoder if shop.model.own else None,  # it reads no other encoder's states
            shop.device,
        )
        prompts, base, tuned = generated(shop)
        found = compare(judge, prompts, base, tuned)
        comparison, words = found.to_dict(), in_words(found)
    except StudioError as error:
        words = [f"Base and tuned could not be compared by the evaluator: {error}"]
    return {
        "format": FORMAT,
        "version": VERSION,
        **told,
        "reward": {"before": before.reward, "after": after.reward},
        "comparison": comparison,
        "words": words,
        "validation": shop.describe()["validation"],
        "checks": {"before": before.to_dict(), "after": after.to_dict()},
    }


def generated(shop: Workshop) -> tuple[list[str], list[Motion], list[Motion]]:
    """Validation prompts, each from every report seed, by the base and by the tuned model."""
    seeds = presets.report_seeds(len(shop.prompts.validation))
    rows = [(prompt, seed) for prompt in shop.prompts.validation for seed in seeds]
    texts = [prompt.text for prompt, _ in rows]
    seconds, noise = [prompt.seconds for prompt, _ in rows], [seed for _, seed in rows]
    pipeline = shop.pipeline
    tuned = pipeline(texts, seconds, noise)
    assert shop.problem.base is not None
    with shop.problem.base():
        base = pipeline(texts, seconds, noise)
    return texts, base, tuned

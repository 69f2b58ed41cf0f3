"""Build assets/familiarity.npz and write how well it tells known from unknown prompts."""

from __future__ import annotations

import argparse
import time
from datetime import date
from pathlib import Path

import numpy as np

from engine.data.captions import CONTENTS, rough, sample
from engine.data.captions.lexicon import corrected
from engine.data.captions.phrases import unknown_prompts
from engine.data.familiarity import FamiliarityIndex
from engine.files import write_json
from engine.models.text import TransformersTextEncoder

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Build, measure, write the index and the dated result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unknown", type=Path, help="a text file of unknown prompts, one a line")
    parser.add_argument("--out", type=Path, default=ROOT / "assets" / "familiarity.npz")
    options = parser.parse_args()
    encoder = TransformersTextEncoder()

    def embed(texts: list[str]) -> np.ndarray:
        return encoder.embed(texts).numpy()

    index = FamiliarityIndex.build(embed, options.out)
    strange = list(unknown_prompts())
    if options.unknown is not None:
        strange = options.unknown.read_text(encoding="utf-8").splitlines()
    rng = np.random.default_rng(42)
    clean = [sample(label, "neutral", rng, "eval") for label in CONTENTS]
    typed = [rough(text, rng) for text in clean]
    scores = {
        name: scored(index, texts, embed([corrected(t) for t in texts]))
        for name, texts in {"clean": clean, "typed": typed, "unknown": strange}.items()
    }
    started = time.perf_counter()
    for text in clean:
        index.near(text, embed)
    result = {
        "phrases": len(index.texts),
        "bytes": options.out.stat().st_size,
        "weights": index.weights.round(3).tolist(),
        "auc clean paraphrases": auc(scores["clean"], scores["unknown"]),
        "auc typed paraphrases": auc(scores["typed"], scores["unknown"]),
        "unknown below 0.5": float((scores["unknown"] < 0.5).mean().round(3)),
        "clean above 0.5": float((scores["clean"] > 0.5).mean().round(3)),
        "typed above 0.5": float((scores["typed"] > 0.5).mean().round(3)),
        "ms per prompt with embedding": round(
            1000 * (time.perf_counter() - started) / len(clean), 2
        ),
    }
    write_json(ROOT / "benchmarks" / "results" / f"familiarity-{date.today()}.json", result)
    for name, value in result.items():
        print(f"{name:32} {value}")


def scored(index: FamiliarityIndex, texts: list[str], vectors: np.ndarray) -> np.ndarray:
    """Familiarity scores of texts whose embeddings are at hand."""
    pairs = zip(texts, vectors, strict=True)
    return np.array([index.near_vector(text, vector).score for text, vector in pairs])


def auc(known: np.ndarray, unknown: np.ndarray) -> float:
    """Chance that a known prompt scores above an unknown one."""
    return round(float((known[:, None] > unknown[None]).mean()), 4)


if __name__ == "__main__":
    main()

"""Reference pictures: how they are made and compared. Renew: python -m tests.render.look"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from engine.render.backend import get_renderer
from engine.render.video import stage
from tests.render.poses import POSES, Clip

REFERENCES = Path(__file__).with_name("references")


def picture(joints: np.ndarray, backend: str, accent: str = "base") -> np.ndarray:
    """One pose as uint8 [240,320,3], rendered at 480p and halved."""
    plan = stage([Clip(joints[None])], size=480, accents=[accent])
    frame = get_renderer(backend).frame(plan.scene(0))
    return np.asarray(Image.fromarray(frame).resize((320, 240), Image.Resampling.BOX))


def reference(pose: str, backend: str) -> np.ndarray:
    """The stored picture of a pose."""
    with Image.open(REFERENCES / f"{pose}-{backend}.png") as image:
        return np.asarray(image.convert("RGB"))


def similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004) of two uint8 pictures, mean over the colour
    channels and over the part of the picture where either differs from the empty scene's greys."""
    a, b = (_smooth_stack(image.astype(np.float64)) for image in (first, second))
    mean_a, mean_b = a[0], b[0]
    variance_a, variance_b = a[1] - mean_a**2, b[1] - mean_b**2
    product = _blur(first.astype(np.float64) * second.astype(np.float64))
    covariance = product - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    score = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    score /= (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    figure = (np.maximum(variance_a, variance_b) > 20).any(axis=-1)
    return float(score[figure].mean())


def _smooth_stack(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return _blur(image), _blur(image**2)


def _blur(image: np.ndarray) -> np.ndarray:
    """Gaussian of 1.5 pixels over the first two axes."""
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        pad = [(5, 5) if axis == other else (0, 0) for other in range(3)]
        padded = np.pad(image, pad, mode="edge")
        length = image.shape[axis]
        image = sum(  # type: ignore[assignment]
            tap * np.take(padded, range(i, i + length), axis) for i, tap in enumerate(taps)
        )
    return image


def main() -> None:
    """Write all reference pictures anew."""
    REFERENCES.mkdir(exist_ok=True)
    for backend in ("software", "pyrender"):
        for pose, joints in POSES.items():
            image = Image.fromarray(picture(joints, backend))
            image.save(REFERENCES / f"{pose}-{backend}.png", optimize=True)


if __name__ == "__main__":
    main()

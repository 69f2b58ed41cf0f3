"""The light on the figure, one formula in numpy: key, fill, sky and a thin rim."""

from __future__ import annotations

import numpy as np

# Directions towards the lights in camera space (right, up, forward): they travel with the camera,
# so the figure is lit alike from every side.
KEY = np.array([-0.45, 0.72, -0.53])
FILL = np.array([0.75, 0.15, -0.64])
KEY_POWER, FILL_POWER, SKY_POWER, GROUND_POWER = 0.62, 0.16, 0.46, 0.26


def shade(
    normal: np.ndarray, toward: np.ndarray, albedo: np.ndarray, rotation: np.ndarray
) -> np.ndarray:
    """Colour of surface points, float32 [N,3] in 0..255.

    normal [N,3] unit and toward [N,3] (to the eye, any length) in camera space; albedo [N,3] in
    0..1; rotation [3,3] is the camera's (columns right, up, forward in world space).
    """
    key, fill = (light / np.linalg.norm(light) for light in (KEY, FILL))
    up = rotation[1].astype(np.float32)  # world up seen from the camera
    eye = toward / np.linalg.norm(toward, axis=1, keepdims=True)
    sky = 0.5 + 0.5 * (normal @ up)
    light = GROUND_POWER + (SKY_POWER - GROUND_POWER) * sky
    # A little wrap keeps the shadow side readable.
    light += KEY_POWER * np.maximum((normal @ key.astype(np.float32) + 0.18) / 1.18, 0.0)
    light += FILL_POWER * np.maximum(normal @ fill.astype(np.float32), 0.0)
    half = eye + key.astype(np.float32)
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    gloss = 0.16 * np.maximum((normal * half).sum(1), 0.0) ** 28
    rim = 0.10 * (1.0 - np.maximum((normal * eye).sum(1), 0.0)) ** 3 * sky
    colour = albedo * light[:, None] + (gloss + rim)[:, None]
    return np.clip(colour * 255.0, 0.0, 255.0).astype(np.float32)

"""The light on the figure: the lamps of both backends, and pyrender's shading formula in numpy."""

from __future__ import annotations

from functools import cache

import numpy as np

# Lamps: direction towards them in camera space (right, up, forward) and power in linear light.
# They travel with the camera, so that the figure is lit alike from every side.
LAMPS: tuple[tuple[np.ndarray, float], ...] = tuple(
    (np.array(direction) / np.linalg.norm(direction), power)
    for direction, power in (
        ((-0.55, 0.62, -0.56), 0.78),  # key, from the upper left
        ((0.90, 0.10, -0.42), 0.20),  # fill, from the right
        ((0.15, 0.90, 0.40), 0.30),  # from above and behind: draws shoulders and thighs
    )
)
AMBIENT = 0.30
ROUGHNESS = 0.50
GAMMA = 2.2
_REFLECTANCE = 0.04  # of any surface that is not metal, seen straight on


def linear(colour: np.ndarray) -> np.ndarray:
    """Display colour 0..1 to linear light, as the shaders count it."""
    return np.asarray(colour) ** GAMMA


def shade(normal: np.ndarray, toward: np.ndarray, albedo: np.ndarray) -> np.ndarray:
    """Display colour of surface points, float32 [N,3] in 0..255.

    normal [N,3] (unit) and toward [N,3] (to the eye, any length) in camera space; albedo [N,3] in
    linear light 0..1.
    """
    eye = unit(toward)
    facing = np.clip(dot(normal, eye), 0.001, 1.0)
    light = np.full(len(normal), AMBIENT, dtype=np.float32)
    flat = ROUGHNESS**4
    for direction, power in LAMPS:
        lamp = direction.astype(np.float32)
        half = unit(eye + lamp)
        lit = np.clip(normal @ lamp, 0.001, 1.0)
        spread = np.clip(dot(normal, half), 0.0, 1.0) ** 2 * (flat - 1.0) + 1.0
        grazing = 1.0 - np.clip(half @ lamp, 0.0, 1.0)
        squared = grazing * grazing
        mirror = _REFLECTANCE + (1.0 - _REFLECTANCE) * (squared * squared * grazing)
        gloss = mirror * _open(lit) * _open(facing) * flat / (spread * spread)
        gloss /= 4.0 * lit * facing + 0.001
        light += power * lit * ((1.0 - mirror) * (1.0 - _REFLECTANCE) + gloss)
    colour = albedo * light[:, None]
    return _display()[np.minimum(colour * 4095.0, 4095.0).astype(np.int16)]


def dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Row by row dot product of two [N,3] arrays."""
    return np.einsum("ij,ij->i", first, second)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of [N,3] at length one."""
    return vectors / np.sqrt(dot(vectors, vectors))[:, None]


@cache
def _display() -> np.ndarray:
    """Display value 0..255 of linear light in 4096 steps, float32: powers are slow."""
    return (np.linspace(0.0, 1.0, 4096) ** (1.0 / GAMMA) * 255.0).astype(np.float32)


def _open(cosine: np.ndarray) -> np.ndarray:
    """Smith's share of a rough surface that is not hidden by its own bumps."""
    bumps = (ROUGHNESS + 1.0) ** 2 / 8.0
    return cosine / (cosine * (1.0 - bumps) + bumps)

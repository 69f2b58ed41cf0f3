"""Full tuning: the denoiser's blocks themselves, with the base's weights kept beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from engine.errors import StudioError

if TYPE_CHECKING:
    from engine.models.backbone import Network

_SLOT = "_full_tuning"


class FullTuning:
    """Tuned weights of all blocks. The live weights are base + sum of strength * (tuned - base)."""

    def __init__(self, denoiser: Network) -> None:
        self._live = {
            f"blocks.{key}": value for key, value in denoiser.blocks.named_parameters()
            if ".lora_" not in key
        }  # fmt: skip
        self._live = {key.replace(".base_layer.", "."): v for key, v in self._live.items()}
        self.base = {key: value.detach().clone() for key, value in self._live.items()}
        self._tuned: dict[str, dict[str, Tensor]] = {}
        self._strengths: dict[str, float] = {}
        self._trained: str | None = None
        self._hidden: dict[str, Tensor] = {}

    @classmethod
    def find(cls, denoiser: Network) -> FullTuning | None:
        """The denoiser's full tuning, if it has one."""
        return denoiser.__dict__.get(_SLOT)

    @classmethod
    def of(cls, denoiser: Network) -> FullTuning:
        """The denoiser's full tuning; made, with the weights it has now as base, if need be."""
        found = cls.find(denoiser)
        if found is None:
            found = denoiser.__dict__[_SLOT] = cls(denoiser)
        return found

    @classmethod
    def remove(cls, denoiser: Network) -> None:
        """Give the denoiser its base weights back."""
        found = denoiser.__dict__.pop(_SLOT, None)
        if found is not None:
            found._write(found.base)

    @property
    def names(self) -> set[str]:
        """Names of the adapters that are in the live weights."""
        return {*self._tuned, *([self._trained] if self._trained else [])}

    def train(self, name: str) -> list[nn.Parameter]:
        """From now on the live weights are adapter `name`, and trainable."""
        if self._trained is not None or self._tuned:
            raise StudioError("Only one adapter of full weights can be tuned at a time.")
        self._trained = name
        for value in self._live.values():
            value.requires_grad_(True)
        return list(self._live.values())

    def load(
        self, name: str, tensors: dict[str, Tensor], strength: float, trainable: bool, where: str
    ) -> None:
        """Add tuned weights; StudioError where they do not fit."""
        shapes = {key: value.shape for key, value in self.base.items()}
        if {key: value.shape for key, value in tensors.items()} != shapes:
            raise StudioError(
                f"The adapter {where} does not fit this model: its layers differ. "
                "It was made for another one, or its files are mixed up."
            )
        if trainable:
            self.train(name)
            self._write(tensors)
            return
        self._tuned[name] = {key: tensors[key].to(value) for key, value in self.base.items()}
        self.set_strength(name, strength)

    def set_strength(self, name: str, strength: float) -> None:
        """Blend the live weights anew."""
        if name == self._trained:
            raise StudioError("Weights that are being tuned have no strength; save them first.")
        self._strengths[name] = strength
        blended = dict(self.base)
        for other, tuned in self._tuned.items():
            for key, base in self.base.items():
                blended[key] = blended[key] + self._strengths[other] * (tuned[key] - base)
        self._write(blended)

    def live(self) -> dict[str, nn.Parameter]:
        """The blocks' own parameters."""
        return self._live

    def hide(self) -> None:
        """Show the base's weights for a while."""
        self._hidden = {key: value.detach().clone() for key, value in self._live.items()}
        self._write(self.base)

    def show(self) -> None:
        """End of `hide`."""
        self._write(self._hidden)
        self._hidden = {}

    @torch.no_grad()
    def _write(self, values: dict[str, Tensor]) -> None:
        # Through .data: a graph that was built before `hide` stays usable after `show`.
        for key, slot in self._live.items():
            slot.data.copy_(values[key])

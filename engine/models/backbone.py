"""What a backbone is: any motion model that can be generated with, tuned, compared and judged.

Four roles. Nothing outside of them may ask which model it has in hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor, nn

from engine.motion.features import features_to_joints
from engine.motion.kinematics import to_skeleton

if TYPE_CHECKING:
    from engine.models.denoiser import Condition


class Codec(nn.Module):
    """Raw motion features [B, T, 263] to standardised latents [B, N, latent_dim] and back.

    Frames are those of the features; `own_frames` and `joints` lead from and to 20 a second.
    """

    config: Any  # has latent_dim

    def own_frames(self, frames: int) -> int:
        """Frames of the features that span `frames` frames at 20 fps."""
        return frames

    def joints(self, features: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Joints [B, T', 22, 3] in metres at 20 fps, and how many frames of each are real [B].

        On the one skeleton, not cleaned; differentiable.
        """
        return to_skeleton(features_to_joints(features)), frames

    def n_tokens(self, frames: int) -> int:
        """Latent tokens of a motion of `frames` frames."""
        raise NotImplementedError

    def encode(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Latents of raw features; mask [B, T] marks real frames."""
        raise NotImplementedError

    def decode(
        self, latents: Tensor, mask: Tensor | None = None, frames: Tensor | None = None
    ) -> Tensor:
        """Raw features [B, at least max(frames), 263]; mask [B, N] of tokens, frames [B]."""
        raise NotImplementedError


class Network(nn.Module):
    """What is tuned: predicts noise, velocity or x_0 (its schedule knows which) at x_t."""

    config: Any  # has text_dim
    blocks: Any  # the layers that adapters sit on
    takes_guidance = False  # whether the guidance scale is an input instead of a second pass
    # text(states [B, L, text_dim], mask [B, L], dropped [B] or None): prompts as the network reads
    # them, and none where `dropped`. A module or a method.
    text: Callable[..., Condition]

    def with_guidance(self, condition: Condition, scale: float) -> Condition:
        """The condition with a guidance scale in it, for networks that take one."""
        raise NotImplementedError

    def forward(
        self,
        x_t: Tensor,
        timestep: Tensor,
        condition: Condition,
        frames: Tensor,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Prediction [B, N, latent_dim] at x_t, timestep [B]; frames [B], mask [B, N]."""
        raise NotImplementedError


class Sampling(Protocol):
    """A noise schedule and how one denoising step is taken.

    A step is affine in the network's output, x_t and, where the sampler is stochastic, fresh noise.
    """

    config: Any
    stochastic: bool
    alphas_cumprod: Tensor

    def timesteps(self, steps: int) -> list[int]:
        """The timesteps a trajectory visits, noisiest first; StudioError for impossible counts."""
        ...

    def coefficients(self, timesteps: list[int], index: int) -> tuple[float, ...]:
        """What `step` needs to know of step `index`."""
        ...

    def mixture(self, timesteps: list[int], index: int) -> tuple[float, float, float, float]:
        """How much signal and how much noise there are in x_t of step `index`, and in x_prev."""
        ...

    def step(
        self, output: Tensor, x_t: Tensor, coefficients: Any, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predicted x_0 and x_prev; coefficients are numbers, or tensors that broadcast."""
        ...


class Backbone(Protocol):
    """A whole model with the sampling it was judged at."""

    vae: Codec
    denoiser: Network
    schedule: Sampling
    steps: int
    guidance_scale: float
    text_encoder: str
    model_id: str

"""The whole sampler as one CUDA graph: the small denoiser is launch-bound without it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

from engine.diffusion.model import MotionModel
from engine.diffusion.sampler import Guided, sample

TEXT_BUCKET = 16  # prompts are padded to multiples of this, so that few graphs serve all
KEPT_GRAPHS = 8


class CapturedSampler:
    """Callable that replays text head, denoising steps and decoder for shapes seen before."""

    def __init__(self, model: MotionModel) -> None:
        self.model = model
        self._graphs: OrderedDict[tuple, Callable[..., Tensor]] = OrderedDict()

    @torch.no_grad()
    def __call__(
        self,
        noise: Tensor,
        states: Tensor,
        text_mask: Tensor,
        frames: Tensor,
        mask: Tensor,
        guidance_scale: float,
        steps: int,
    ) -> Tensor:
        """Features [B, N * frames_per_token, 263] from noise [B, N, C] and token states."""
        extra = -states.shape[1] % TEXT_BUCKET
        states, text_mask = pad(states, (0, 0, 0, extra)), pad(text_mask, (0, extra))
        key = (tuple(noise.shape), states.shape[1], guidance_scale, steps)
        inputs = (noise, states, text_mask, frames, mask)
        if key not in self._graphs:
            self._graphs[key] = capture(
                lambda *held: self._run(held, guidance_scale, steps), inputs
            )
            while len(self._graphs) > KEPT_GRAPHS:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(key)
        return self._graphs[key](*inputs)

    def _run(self, inputs: tuple[Tensor, ...], guidance_scale: float, steps: int) -> Tensor:
        model = self.model
        noise, states, text_mask, frames, mask = inputs
        guided = Guided.make(model.denoiser, states, text_mask, frames, mask, guidance_scale)
        latents = sample(model.denoiser, model.schedule, noise, guided, steps)
        assert latents is not None
        return model.vae.decode(latents, mask)


def capture(function: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> Callable[..., Tensor]:
    """Record `function` on copies of `inputs`; the result replays it on new values, same shapes."""
    held = tuple(value.clone() for value in inputs)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(2):
            function(*held)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = function(*held)

    def replay(*values: Tensor) -> Tensor:
        for slot, value in zip(held, values, strict=True):
            slot.copy_(value)
        graph.replay()
        return output.clone()

    return replay

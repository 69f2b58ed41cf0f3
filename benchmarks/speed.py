"""How fast a motion is made: CPU seconds against an MLD++-sized model, GPU latency and throughput.

python -m benchmarks.speed --model checkpoints/base
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.record import RESULTS, record
from engine.diffusion.capture import CapturedSampler
from engine.diffusion.sampler import Guided, sample
from engine.pipeline import MotionPipeline

FRAMES = 196
PROMPT = "a tired person walks forward, then waves with the right hand"


class SkipEncoder(nn.Module):
    """Nine post-norm layers with U-shaped skips, as MLD's denoiser stacks them."""

    def __init__(self, layer: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layer() for _ in range(9))
        self.merge = nn.ModuleList(nn.Linear(512, 256) for _ in range(4))

    def forward(self, x: torch.Tensor, *memory: torch.Tensor) -> torch.Tensor:
        kept: list[torch.Tensor] = []
        for index, layer in enumerate(self.layers):
            if index > 4:
                x = self.merge[index - 5](torch.cat([x, kept.pop()], dim=-1))
            x = layer(x, *memory)
            if index < 4:
                kept.append(x)
        return x


class MldPlusPlusSized(nn.Module):
    """The arithmetic of MLD++ at its published sizes: 18 tokens, width 256, 50 guided steps.

    Built from PyTorch's own layers with random weights: it costs what MLD++ costs and means
    nothing. The text encoder is left out on both sides.
    """

    def __init__(self) -> None:
        super().__init__()
        arguments: dict[str, Any] = {
            "d_model": 256, "nhead": 4, "dim_feedforward": 1024, "dropout": 0.1,
            "activation": "gelu", "batch_first": True,
        }  # fmt: skip
        self.denoiser = SkipEncoder(lambda: nn.TransformerEncoderLayer(**arguments))
        self.decoder = SkipEncoder(lambda: nn.TransformerDecoderLayer(**arguments))
        self.latent_in, self.latent_out = nn.Linear(32, 256), nn.Linear(256, 32)
        self.memory, self.out = nn.Linear(32, 256), nn.Linear(256, 263)

    @torch.no_grad()
    def generate(self, steps: int = 50) -> torch.Tensor:
        latents = torch.randn(1, 16, 32)
        condition = torch.randn(2, 2, 256)
        for _ in range(steps):
            tokens = torch.cat([self.latent_in(latents.repeat(2, 1, 1)), condition], dim=1)
            with_text, without = self.latent_out(self.denoiser(tokens)[:, :16]).chunk(2)
            eps = without + 7.5 * (with_text - without)
            latents = 0.99 * latents - 0.01 * eps
        return self.out(self.decoder(torch.zeros(1, FRAMES, 256), self.memory(latents)))


def cpu_seconds(function: Callable[[], Any], repeats: int = 5) -> float:
    """Least CPU time of several calls on one thread, in seconds."""
    function()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def measure_cpu(model: Path) -> dict[str, Any]:
    """Both models in one run, alternating, on one thread."""
    torch.set_num_threads(1)
    pipeline = MotionPipeline.from_pretrained(model, "cpu")
    rival = MldPlusPlusSized().eval()
    seconds = FRAMES / 20

    def ours() -> None:
        pipeline([PROMPT], seconds, 0)

    pairs = [(cpu_seconds(ours, 2), cpu_seconds(rival.generate, 2)) for _ in range(4)]
    mine, theirs = (min(column) for column in zip(*pairs, strict=True))
    return {
        "frames": FRAMES,
        "steps": pipeline.model.steps,
        "ours_cpu_seconds": mine,
        "mldpp_sized_50_steps_cpu_seconds": theirs,
        "ratio": mine / theirs,
        "all": pairs,
    }


def measure_gpu(model: Path) -> dict[str, Any]:
    """Latency of one motion and throughput of large batches, graph captured and not."""
    torch.backends.cuda.matmul.allow_tf32 = False
    pipeline = MotionPipeline.from_pretrained(model, "cuda")
    seconds = FRAMES / 20

    def wall(function: Callable[[], Any], repeats: int) -> float:
        for _ in range(3):
            function()
        times = []
        for _ in range(repeats):
            torch.cuda.synchronize()
            start = time.perf_counter()
            function()
            torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    whole = wall(lambda: pipeline([PROMPT], seconds, 0), 30)
    pipeline._capture = False
    eager = wall(lambda: pipeline([PROMPT], seconds, 0), 10)
    result: dict[str, Any] = {
        "steps": pipeline.model.steps,
        "end_to_end_ms_captured": 1000 * whole,
        "end_to_end_ms_eager": 1000 * eager,
    }
    states, text_mask = pipeline._encode([PROMPT])
    for precision, kind in (("fp32", None), ("bf16", torch.bfloat16)):
        for batch in (1, 64, 512, 2048):
            noise, mask = pipeline._noise([FRAMES] * batch, list(range(batch)))
            inputs = (
                noise, states.repeat(batch, 1, 1), text_mask.repeat(batch, 1),
                torch.full((batch,), FRAMES, device="cuda"), mask,
            )  # fmt: skip
            sampler = CapturedSampler(pipeline.model)
            scale, steps = pipeline.model.guidance_scale, pipeline.model.steps
            with torch.autocast("cuda", kind or torch.float16, enabled=kind is not None):
                took = wall(lambda: sampler(*inputs, scale, steps), 10)  # noqa: B023
            result[f"sampler_{precision}_batch_{batch}_ms"] = 1000 * took
            result[f"sampler_{precision}_batch_{batch}_motions_per_s"] = batch / took
    return result


@torch.no_grad()
def measure_graph_agreement(model: Path) -> float:
    """Largest difference of latents between captured and eager sampling."""
    pipeline = MotionPipeline.from_pretrained(model, "cuda")
    noise, mask = pipeline._noise([FRAMES], [0])
    states, text_mask = pipeline._encode([PROMPT])
    frames = torch.tensor([FRAMES], device="cuda")
    scale, steps = pipeline.model.guidance_scale, pipeline.model.steps
    captured = CapturedSampler(pipeline.model)(noise, states, text_mask, frames, mask, scale, steps)
    guided = Guided.make(pipeline.model.denoiser, states, text_mask, frames, mask, scale)
    latents = sample(pipeline.model.denoiser, pipeline.model.schedule, noise, guided, steps)
    assert latents is not None
    return float((captured - pipeline.model.vae.decode(latents, mask)).abs().max())


def main() -> None:
    """Measure and write dated results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("checkpoints/base"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if torch.cuda.is_available():
        values = measure_gpu(arguments.model)
        values["graph_agreement"] = measure_graph_agreement(arguments.model)
        path = record("speed-gpu", values, arguments.out)
    else:
        values = measure_cpu(arguments.model)
        path = record("speed-cpu", values, arguments.out)
    print(values, path)


if __name__ == "__main__":
    main()

"""Motions a second of denoiser training with 1, 2, 4 ... processes of the same share each.

Start it alone and under `accelerate launch`, with the same options; each start adds a row to the
day's result. `--report` then adds how efficient each number of processes was.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.record import RESULTS, record
from engine.models.denoiser import Denoiser, DenoiserConfig
from engine.models.device import pick_device
from engine.models.processes import Processes
from engine.models.text import TransformersTextEncoder
from engine.models.vae import MotionVAE
from engine.models.weights import load_weights
from engine.training.denoiser import SCHEDULES, Hyper, Latents, job_of, schedule_of, vae_config_of
from engine.training.estimate import trial
from engine.training.loop import Budget, Training

NAME = "scaling"
BEAT_SECONDS = 0.5  # as in training: how often processes agree on what comes next
ALIKE = ("device", "batch_per_gpu", "fuse", "graph")  # what rows must share to be compared


def prepare(arguments: argparse.Namespace, processes: Processes) -> Training:
    """Training of a denoiser of the usual size on these latents, before its first update."""
    place = processes.device or pick_device(arguments.device)
    torch.manual_seed(0)
    config = vae_config_of(arguments.vae)
    vae = MotionVAE(config)
    load_weights(vae, arguments.vae / "vae.safetensors")
    vae.eval().requires_grad_(False).to(place)
    encoder = TransformersTextEncoder(device=str(place))
    latents = Latents(arguments.data, vae, encoder, place)
    latents.standardise(vae)
    sizes = DenoiserConfig(latent_dim=config.latent_dim, frames_per_token=config.frames_per_token)
    hyper = Hyper(
        batch=arguments.batch_per_gpu * processes.count, fuse=arguments.fuse, graph=arguments.graph
    )
    schedule = schedule_of(SCHEDULES["v_prediction"])
    job = job_of(Denoiser(sizes).to(place), latents, schedule, hyper, processes, Path())
    return Training(job, Budget(1.0), processes)


def measure(training: Training, seconds: float) -> tuple[int, float]:
    """Updates and the seconds they took, in beats as training makes them."""
    processes, updates = training.processes, 0
    training.wait()
    begun = now = time.perf_counter()
    while processes.told(now - begun < seconds):
        count = processes.told(max(1, int(BEAT_SECONDS / training.each)))
        training.stretch(count, 0.5, 0.0)
        training.wait()
        updates += count
        now = time.perf_counter()
    return updates, now - begun


def row(arguments: argparse.Namespace, processes: Processes) -> dict[str, Any]:
    """One measurement after a warm-up of a fifth of the time."""
    training = prepare(arguments, processes)
    training.each = trial(training)
    measure(training, arguments.seconds / 5)
    updates, seconds = measure(training, arguments.seconds)
    on_gpu = training.device.type == "cuda"
    return {
        "processes": processes.count,
        "device": torch.cuda.get_device_name(training.device) if on_gpu else "cpu",
        "motions_per_second": arguments.batch_per_gpu * processes.count * updates / seconds,
        "batch_per_gpu": arguments.batch_per_gpu,
        "ms_per_update": 1000 * seconds / updates,
        "updates": updates,
        "fuse": arguments.fuse,
        "graph": arguments.graph,
        "finite": bool(torch.isfinite(training.running).all()),
    }


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Rows of a result, none where there is no file."""
    return list(json.loads(path.read_text())["rows"]) if path.is_file() else []


def with_efficiency(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with their rate per process as a share of the last comparable row of one process."""
    alone = {
        tuple(one[name] for name in ALIKE): one["motions_per_second"]
        for one in rows
        if one["processes"] == 1
    }
    return [
        {**one, "efficiency": one["motions_per_second"] / one["processes"] / alone[key]}
        if (key := tuple(one[name] for name in ALIKE)) in alone
        else one
        for one in rows
    ]


def report(folder: Path) -> str:
    """Write efficiencies into the newest result; its rows as lines of a table."""
    path = max(folder.glob(f"*-{NAME}.json"), default=folder / f"DATE-{NAME}.json")
    value = {**json.loads(path.read_text()), "rows": with_efficiency(rows_of(path))}
    path.write_text(json.dumps(value, indent=2) + "\n")
    lines = ["| processes | device | batch per GPU | motions/s | ms per update | efficiency |"]
    lines.append("|---:|---|---:|---:|---:|---:|")
    for one in value["rows"]:
        share = f"{one['efficiency']:.1%}" if "efficiency" in one else "-"
        lines.append(
            f"| {one['processes']} | {one['device']} | {one['batch_per_gpu']} | "
            f"{one['motions_per_second']:,.0f} | {one['ms_per_update']:.2f} | {share} |"
        )
    return "\n".join([str(path), *lines])


def main() -> None:
    """Measure and add a row, or report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="corpus folder")
    parser.add_argument("--vae", type=Path, default=Path("checkpoints/base"))
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--batch-per-gpu", type=int, default=512)
    parser.add_argument("--fuse", action="store_true")
    parser.add_argument("--graph", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--device", default=None)
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.report:
        print(report(arguments.out))
        return
    if arguments.data is None:
        parser.error("--data is needed: a corpus folder, made by python -m engine train corpus")
    processes = Processes.start(arguments.device)
    found = row(arguments, processes)
    if processes.main:
        today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
        before = rows_of(arguments.out / f"{today}-{NAME}.json")
        print(found, record(NAME, {"rows": [*before, found]}, arguments.out))
    processes.finish()


if __name__ == "__main__":
    main()

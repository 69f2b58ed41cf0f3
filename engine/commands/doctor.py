"""doctor: what works here, and what to do about what does not."""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

LEAST_FREE_GB = 1.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `advice` says what to do when it is not ok."""

    name: str
    ok: bool
    needed: bool
    detail: str
    advice: str = ""


def run(as_json: bool = False) -> bool:
    """Print all findings; True when everything that is needed works."""
    findings = [_guarded(check) for check in CHECKS]
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            mark = "ok  " if finding.ok else ("FAIL" if finding.needed else "no  ")
            print(f"{mark}  {finding.name:<14} {finding.detail}")
            if not finding.ok and finding.advice:
                print(f"      {'':<14} -> {finding.advice}")
    return all(finding.ok for finding in findings if finding.needed)


def check_python() -> Finding:
    """Python version."""
    version = platform.python_version_tuple()
    return Finding(
        "python", tuple(map(int, version[:2])) >= (3, 11), True, platform.python_version(),
        "Install Python 3.11 or newer.",
    )  # fmt: skip


def check_gpu() -> Finding:
    """Whether PyTorch sees a GPU."""
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return Finding(
            "gpu", True, False, f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
        )
    return Finding(
        "gpu", False, False, f"none; torch {torch.__version__} runs on the CPU",
        "Everything works without one, slower. With an NVIDIA card: install its driver and the "
        "CUDA build of PyTorch.",
    )  # fmt: skip


def check_renderer() -> Finding:
    """Which renderer is active."""
    from engine.render.backend import probe

    found = probe()
    active = str(found.get("backend", found.get("active", "?")))
    return Finding(
        "renderer", active == "pyrender", False, f"{active}: {found.get('reason', '')}",
        str(found.get("hint", "")),
    )  # fmt: skip


def check_text_encoder() -> Finding:
    """The text encoder's files and their hash."""
    from engine.models.text import minilm_folder

    return Finding("text encoder", True, True, str(minilm_folder()))


def check_checkpoints() -> Finding:
    """Shipped models, compared with the hashes they were shipped with."""
    from engine.files import read_json
    from engine.models.registry import CHECKPOINTS, available_models
    from engine.models.weights import file_sha256

    broken = []
    for manifest in sorted(CHECKPOINTS.glob("*/sha256.json")):
        for name, digest in read_json(manifest).items():
            path = manifest.parent / name
            if not path.is_file() or file_sha256(path) != digest:
                broken.append(str(path))
    names = available_models()
    return Finding(
        "checkpoints", bool(names) and not broken, True,
        f"damaged: {', '.join(broken)}" if broken else ", ".join(names) or "none found",
        "Fetch the checkpoints/ folder again.",
    )  # fmt: skip


def check_video() -> Finding:
    """The H.264 encoder."""
    import imageio_ffmpeg

    return Finding("ffmpeg", True, True, imageio_ffmpeg.get_ffmpeg_exe())


def check_disk() -> Finding:
    """Free space where results and temporary files go."""
    places = [Path.cwd(), Path(tempfile.gettempdir())]
    free = min(shutil.disk_usage(place).free for place in places) / 2**30
    return Finding(
        "disk", free >= LEAST_FREE_GB, True, f"{free:.1f} GiB free",
        "Free some space: videos and tuned models need a few hundred megabytes.",
    )  # fmt: skip


CHECKS: tuple[Callable[[], Finding], ...] = (
    check_python,
    check_gpu,
    check_renderer,
    check_text_encoder,
    check_checkpoints,
    check_video,
    check_disk,
)


def _guarded(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # a diagnosis must go on whatever breaks
        name = check.__name__.removeprefix("check_").replace("_", " ")
        return Finding(name, False, True, f"{type(error).__name__}: {error}", "See the message.")

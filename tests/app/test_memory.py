"""The server's memory stays flat: 200 generations, 50 page loads, and visitors who leave."""

from __future__ import annotations

import os
import re
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from app.settings import CHECKPOINTS
from tests.app.serving import fake_page, real_page
from tests.app.wire import Wire

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
LOADS, EACH = 50, 4  # page loads, and generations in each
ROUNDS = 5  # the first of them fills caches and the allocator's pools
ALLOWED = 8 << 20  # bytes that all later rounds together may add


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) << 10


def visit(address: str, number: int, made: list[str]) -> None:
    """Load the page, generate a few motions, leave as a browser does."""
    wire = Wire(address)
    urllib.request.urlopen(address, timeout=60).read()
    beat = urllib.request.urlopen(f"{address}gradio_api/heartbeat/{wire.session}", timeout=60)
    try:
        for turn in range(EACH):
            wire.set("prompt", f"a person walks, visit {number}, turn {turn}")
            wire.set("seconds", 1.0)
            wire.set("samples", 1)
            answer = wire.press("generate", "click")
            assert answer["notice"]["state"] == "done", answer["notice"]
            made.append(answer["player"]["id"])
    finally:
        beat.close()


def motions(results: Path) -> list[str]:
    """Motion files there are; folders may vanish meanwhile, which os.walk passes over."""
    return [
        name for _, _, names in os.walk(results) for name in names if name.startswith("motion-")
    ]


def check_flat(address: str, pid: int, folder: Path) -> None:
    """Let visitors come and go in rounds; nothing of them stays in memory or on the disk."""
    sizes: list[int] = []
    made: list[str] = []
    for number in range(LOADS):
        visit(address, number, made)
        if (number + 1) % (LOADS // ROUNDS) == 0:
            sizes.append(resident(pid))
    assert len(set(made)) == LOADS * EACH == 200
    told = [f"{size / 2**20:.1f} MB" for size in sizes]
    print(told)
    assert max(sizes[1:]) - sizes[0] < ALLOWED, told
    (results,) = folder.glob("easytune-page-*/results")  # gradio's own copies stay for hours
    end = time.monotonic() + 30
    while left := motions(results):
        assert time.monotonic() < end, f"{len(left)} files of visitors who left"
        time.sleep(0.2)


def test_memory_stays_flat(tmp_path):
    with fake_page(tmp_path, delay=0.0, video_seconds=0.01) as address:
        check_flat(address, address.pid, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(
    not (CHECKPOINTS / "base" / "config.json").is_file(), reason="checkpoints/base is not there yet"
)
def test_memory_stays_flat_with_the_real_engine(tmp_path):
    with real_page(tmp_path, "--device", "cpu") as address:
        check_flat(address, address.pid, tmp_path)

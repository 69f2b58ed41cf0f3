"""Starts the page in a process of its own, on a free port, and stops it again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90


class Address(str):
    """Where a page is; `pid` is the process that serves it."""

    __slots__ = ("pid",)
    pid: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def fake_page(folder: Path, **options: object) -> Iterator[Address]:
    """The page with the fake engine; options go to FakeEngine."""
    port = free_port()
    words = [f"{key}={value}" for key, value in options.items()]
    command = [sys.executable, "-m", "tests.browser.serve_fake", str(port), *words]
    with _process(command, port, folder) as address:
        yield address


@contextmanager
def real_page(folder: Path, *arguments: str) -> Iterator[Address]:
    """The page as a person starts it."""
    port = free_port()
    command = [sys.executable, "app.py", "--port", str(port), *arguments]
    with _process(command, port, folder) as address:
        yield address


@contextmanager
def _process(command: Sequence[str], port: int, folder: Path) -> Iterator[Address]:
    log = folder / "page.log"
    environment = {**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1",
                   "EASYTUNE_HOME": str(folder)}  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
    address = Address(f"http://127.0.0.1:{port}/")
    address.pid = process.pid
    try:
        _wait(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the page did not start:\n{log.read_text()}")

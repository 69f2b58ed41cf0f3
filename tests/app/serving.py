"""Starts the page in a process of its own, on a free port, and stops it again."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90
LOG = "page.log"
# Gradio and PyTorch are imported once; every page with the fake engine is forked from there.
if sys.platform == "linux":
    FORKS = multiprocessing.get_context("forkserver")
    FORKS.set_forkserver_preload(["tests.browser.serve_fake"])
else:
    FORKS = multiprocessing.get_context("spawn")


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
    (folder / LOG).touch()
    process = FORKS.Process(target=_serve_fake, args=(folder, port, options), daemon=True)
    process.start()
    try:
        assert process.pid
        yield _wait(port, process.pid, process.is_alive, folder / LOG)
    finally:
        process.terminate()
        process.join(PATIENCE)


@contextmanager
def real_page(folder: Path, *arguments: str) -> Iterator[Address]:
    """The page as a person starts it."""
    port = free_port()
    command = [sys.executable, "app.py", "--port", str(port), *arguments]
    with (folder / LOG).open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
            env={**os.environ, **_environment(folder)},
        )  # fmt: skip
    try:
        yield _wait(port, process.pid, lambda: process.poll() is None, folder / LOG)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _environment(folder: Path) -> dict[str, str]:
    return {"TMPDIR": str(folder), "OMP_NUM_THREADS": "1", "EASYTUNE_HOME": str(folder)}


def _serve_fake(folder: Path, port: int, options: dict[str, object]) -> None:
    """What the forked process does."""
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(ROOT)
    os.environ.update(_environment(folder))
    tempfile.tempdir = None  # TMPDIR is another one now
    from tests.browser.serve_fake import serve

    try:
        serve(port, options)
    finally:
        atexit._run_exitfuncs()  # which forked processes skip


def _wait(port: int, pid: int, alive: Callable[[], bool], log: Path) -> Address:
    address = Address(f"http://127.0.0.1:{port}/")
    address.pid = pid
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and alive():
        try:
            urllib.request.urlopen(address, timeout=2)
            return address
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the page did not start:\n{log.read_text()}")

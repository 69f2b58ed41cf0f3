"""The command line inside this process (quick) and as a process of its own (real)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import cli
from tests.tiny import FakeTextEncoder

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """What a command line left behind."""

    code: int
    out: str
    err: str

    def sentence(self) -> str:
        """The one sentence a failed command said; fails where it said more or a traceback."""
        assert self.code == 2, self
        assert self.out == ""
        lines = self.err.strip().split("\n")
        assert len(lines) == 1, self.err
        assert lines[0].startswith("Error: ")
        assert "Traceback" not in lines[0]
        return lines[0]


Command = Callable[..., Outcome]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `python -m engine ...` in this process, with the quick text encoder."""
    monkeypatch.setattr(
        "engine.diffusion.model.TransformersTextEncoder", lambda **_: FakeTextEncoder()
    )
    monkeypatch.setenv("EASYTUNE_RENDERER", "software")

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["engine", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
            raise SystemExit(0)
        code = stopped.value.code
        return Outcome(code if isinstance(code, int) else 0, *capsys.readouterr())

    return run


@pytest.fixture
def generate(command: Command, tiny_model: Path, tmp_path: Path) -> Command:
    """`generate` with the tiny model into tmp_path/out, without a video unless asked for."""

    def run(*arguments: object, video: bool = False) -> Outcome:
        extra = [] if video else ["--no-video"]
        return command(
            "generate", *arguments, "--model", tiny_model, "--output", tmp_path / "out", *extra
        )

    return run


def spawn(*arguments: object, cwd: Path = ROOT) -> Outcome:
    """Run `python -m engine ...` as a process of its own."""
    environment = {
        **os.environ, "EASYTUNE_RENDERER": "software", "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "engine", *map(str, arguments)],
        cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=300,
        check=False,
    )  # fmt: skip
    return Outcome(done.returncode, done.stdout, done.stderr)

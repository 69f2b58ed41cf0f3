"""The loop of all training verbs: interrupted and resumed, refused, estimated, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from engine.errors import StudioError
from engine.files import read_json
from engine.models.processes import Processes
from engine.training import loop, vae
from engine.training.common import Average, Updater
from engine.training.estimate import trial
from engine.training.loop import STATE, Budget, Job, StoppedError, Training
from tests.commands.conftest import ROOT
from tests.tiny import save_tiny
from tests.training import together
from tests.training.together import Given

UPDATES = 12


@pytest.fixture(scope="module")
def given(dataset, corpus_folder, tmp_path_factory):
    return Given(dataset.folder, corpus_folder, save_tiny(tmp_path_factory.mktemp("m") / "model"))


@pytest.fixture
def jobs(monkeypatch):
    """The jobs of trainings, by verb."""
    found: dict[str, Job] = {}
    monkeypatch.setattr(vae, "FRAMES_PER_BATCH", 512)
    for module in together.MODULES.values():
        monkeypatch.setattr(module, "run", together.watched(found))
    return found


def interrupted(monkeypatch, after: int) -> None:
    """A signal arrives during the update of this number, once."""
    stretch = Training.stretch

    def until(self, count, progress, step):
        if self.updates < after <= self.updates + count:
            os.kill(os.getpid(), signal.SIGTERM)
        stretch(self, count, progress, step)

    monkeypatch.setattr(Training, "stretch", until)


@pytest.mark.parametrize("verb", sorted(together.MODULES))
def test_interrupted_and_resumed_is_as_if_nothing_had_been(
    verb, given, jobs, tmp_path, monkeypatch
):
    """Weights, averages and curves bit for bit, dropout and all."""
    budget, alone = Budget(1.0, updates=UPDATES), Processes()
    together.train(verb, given, tmp_path / "whole", budget, alone)
    whole = jobs[verb]
    with monkeypatch.context() as patched:
        interrupted(patched, after=4)
        with pytest.raises(StoppedError, match="--resume goes on"):
            together.train(verb, given, tmp_path / "cut", budget, alone)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert (tmp_path / "cut" / STATE).is_file()
    cut = Budget(1.0, updates=UPDATES, resume=True)
    together.train(verb, given, tmp_path / "cut", cut, alone)
    for part in ("module", "average"):
        mine, theirs = (getattr(job, part) for job in (whole, jobs[verb]))
        if isinstance(mine, Average):
            mine, theirs = mine.module, theirs.module
        for name, value in mine.state_dict().items():
            assert torch.equal(value, theirs.state_dict()[name]), name
    report = "vae_report.json" if verb == "vae" else "training.json"
    whole_report, cut_report = (read_json(tmp_path / w / report) for w in ("whole", "cut"))
    assert cut_report["curve"] == whole_report["curve"]
    assert cut_report["updates"] == UPDATES
    assert not (tmp_path / "cut" / STATE).exists()  # nothing is left to go on with


@pytest.fixture
def unfinished(given, jobs, tmp_path, monkeypatch):
    """A folder with an interrupted training of the denoiser."""
    with monkeypatch.context() as patched:
        interrupted(patched, after=3)
        with pytest.raises(StoppedError):
            together.train("denoiser", given, tmp_path / "out", Budget(1.0, 50), Processes())
    return tmp_path / "out"


def test_another_training_is_not_gone_on_with(unfinished, given):
    resume = Budget(1.0, updates=50, resume=True)
    with pytest.raises(StudioError, match=r"is another one: it has rate 0.003\."):
        together.train("denoiser", given, unfinished, resume, Processes(), rate=1e-3)
    with pytest.raises(StudioError, match="is another one"):
        together.train("vae", given, unfinished, resume, Processes())


def test_an_unfinished_training_is_not_written_over(unfinished, given):
    with pytest.raises(StudioError, match=r"holds an unfinished training. Go on with --resume"):
        together.train("denoiser", given, unfinished, Budget(1.0, 50), Processes())


def test_a_damaged_state_is_refused(unfinished, given):
    (unfinished / STATE).write_bytes(b"nothing of use")
    with pytest.raises(StudioError, match="damaged"):
        together.train("denoiser", given, unfinished, Budget(1.0, 50, True), Processes())


def test_nothing_to_go_on_with(given, tmp_path):
    with pytest.raises(StudioError, match=r"no unfinished training. Start it without --resume"):
        together.train("denoiser", given, tmp_path, Budget(1.0, resume=True), Processes())


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("inf"), float("nan")])
def test_no_time_to_train(minutes, given, tmp_path):
    with pytest.raises(StudioError, match="no time to train"):
        together.train("vae", given, tmp_path, Budget(minutes), Processes())


def line(tmp_path, saved, **more):
    """A job that finds a line."""
    torch.manual_seed(0)
    module = torch.nn.Linear(2, 1)
    update = Updater(module, lambda x: (module(x) - x[:, :1]).square().mean()[None], 0.0)
    from engine.models.draw import Draw

    return Job(
        "line", tmp_path / "out", module, Average(module, 0.9), update,
        Draw(torch.device("cpu"), 0), lambda draw: (draw.normal(16, 2),), ("loss",), 0.05,
        {"rate": 0.05}, lambda: saved.append(float(update.flat.norm())), **more,
    )  # fmt: skip


def test_the_time_is_kept_and_what_was_predicted_is_told(tmp_path):
    saved: list[float] = []
    begun = time.monotonic()
    report = loop.train(line(tmp_path, saved, checks=5), Budget(0.03), Processes())
    assert 1.5 < time.monotonic() - begun < 6.0
    assert len(saved) == 1
    assert 3 <= len(report["curve"]) <= 6
    assert report["curve"][-1]["update"] == report["updates"]
    assert report["curve"][-1]["loss"] < 0.1 * report["curve"][0]["loss"]
    told = report["predictions"]
    assert set(told) == {"seconds", "updates", "memory_bytes"}
    assert told["updates"]["measured"] == report["updates"]
    assert abs(told["seconds"]["off"]) < 0.5


def test_what_is_due_is_saved_on_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.2)
    monkeypatch.setattr(loop, "BEAT_SECONDS", 0.05)
    saved: list[float] = []
    report = loop.train(line(tmp_path, saved), Budget(0.03), Processes())
    assert len(saved) >= 3
    assert report["predictions"]["disk_bytes"]["measured"] > 0


def test_trying_out_leaves_nothing_behind(tmp_path):
    training = Training(line(tmp_path, []), Budget(1.0), Processes())
    training.stretch(3, 0.5, 0.0)
    before = {name: value.clone() for name, value in training.tensors().items()}
    assert trial(training) > 0
    for name, value in training.tensors().items():
        assert torch.equal(value, before[name]), name
    assert training.updates == 3


def test_a_disk_too_full_is_said_before(tmp_path, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000))
    with pytest.raises(StudioError, match="choose another folder with --out"):
        loop.train(line(tmp_path, []), Budget(1.0, 5), Processes())


def test_the_terminal_is_told_how_to_go_on(given, tmp_path):
    """Ctrl-C in the middle: exit status 130, a state, and a sentence."""
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "train", "vae", "--data", str(given.corpus), "--out",
         str(tmp_path / "out"), "--minutes", "5", "--device", "cpu", "--decoder-width", "16"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stderr is not None
    first = process.stderr.readline()  # the estimate comes before the first update
    assert "ms an update" in first
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "The same command with --resume goes on." in told
    assert (tmp_path / "out" / STATE).is_file()

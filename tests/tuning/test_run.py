"""Runs that are stopped, killed, resumed, led and filled up lose nothing."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch

from engine.commands.tune import Request
from engine.errors import StudioError
from engine.models.weights import read_tensors
from engine.tuning.presets import Cadence
from engine.tuning.rewards.base import Seen
from engine.tuning.session import LOCK, REPORT, live, read_events, send_command, status
from tests.tuning import runs
from tests.tuning.toys import ToyReward

ENDLESS = 100_000


def wait_for(folder: Path, kind: str, number: int = 1, seconds: float = 90.0) -> list[dict]:
    """Until `number` events of a kind are logged."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if len(runs.events(folder, kind)) >= number:
            return runs.events(folder, kind)
        time.sleep(0.005)
    pytest.fail(f"no {kind} event: {[event['kind'] for event in read_events(folder)]}")


def begin(request: Request, folder: Path, passes: int = 1):
    """A process that has made some passes of the run."""
    before = len(runs.events(folder, "start"))
    done = len(runs.events(folder, "pass"))
    child = runs.spawn(request)
    wait_for(folder, "start", before + 1)
    wait_for(folder, "pass", done + passes)
    return child


def test_killed_at_random_it_ends_bit_for_bit_as_if_it_had_not_been(tiny_model, tmp_path):
    settings = runs.settings(tiny_model, tmp_path, updates=36)
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    runs.tuned(Request(settings, session=whole))
    chance, request = random.Random(), Request(settings, session=folder)
    for _ in range(3):
        child = begin(request, folder, chance.randint(1, 4))
        time.sleep(chance.random() * 0.3)
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        if (folder / REPORT).is_file():
            break
        assert not live(folder)
        request = Request(None, session=folder)
    assert runs.tuned(request).reason == "finished"
    assert runs.weights(folder) == runs.weights(whole)
    assert [one for one in folder.rglob(".*") if LOCK not in one.name] == []
    # Each life began where the last checkpoint of those before it was.
    saved = 0
    for event in read_events(folder):
        if event["kind"] == "start":
            assert event["pass"] >= saved
        elif event["kind"] == "checkpoint":
            saved = event["pass"]


def test_signals_stop_and_save_and_the_run_goes_on(tiny_model, tmp_path):
    folder = tmp_path / "run"
    request = Request(runs.settings(tiny_model, tmp_path, updates=ENDLESS), session=folder)
    for number in (signal.SIGINT, signal.SIGTERM):
        child = begin(request, folder)
        with pytest.raises(StudioError, match="being worked on by process"):
            runs.tuned(Request(None, session=folder))
        os.kill(child.pid, number)
        child.join(60)
        assert child.exitcode == 0
        last = read_events(folder)[-1]
        assert (last["kind"], last["reason"]) == ("stopped", "signal")
        assert status(folder) == "finished"
        assert not (folder / REPORT).exists()
        request = Request(None, session=folder)
    first, second = runs.events(folder, "start")
    stops = runs.events(folder, "stopped")
    assert (first["resumed"], second["resumed"]) == (False, True)
    assert second["pass"] == stops[0]["pass"] < stops[1]["pass"]
    assert read_tensors(folder / "adapter" / "adapter_model.safetensors", "")


def test_a_running_tuning_is_led_through_its_folder(tiny_model, tmp_path):
    folder = tmp_path / "run"
    request = Request(runs.settings(tiny_model, tmp_path, updates=ENDLESS), session=folder)
    child = begin(request, folder)
    assert status(folder) == "running"
    send_command(folder, "pause")
    wait_for(folder, "paused")
    assert status(folder) == "paused"
    passes = len(runs.events(folder, "pass"))
    shown = len(runs.events(folder, "preview"))
    send_command(folder, "preview")
    wait_for(folder, "preview", shown + 1)
    assert len(runs.events(folder, "pass")) == passes
    send_command(folder, "resume")
    resumed = wait_for(folder, "resumed")[0]
    assert resumed["elapsed"] - runs.events(folder, "paused")[0]["elapsed"] < 0.1
    wait_for(folder, "pass", passes + 1)
    send_command(folder, "stop")
    child.join(60)
    assert runs.events(folder, "stopped")[-1]["reason"] == "asked"
    assert runs.report(folder)["reason"] == "asked"
    assert status(folder) == "finished"


class Hungry(ToyReward):
    """Needs more memory than there is for more than `most` samples at a time."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def __call__(self, seen: Seen):
        if seen.latents.requires_grad and len(seen.latents) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().__call__(seen)


@pytest.mark.parametrize("method", ["easytune-batched", "easytune"])
def test_without_enough_gpu_memory_the_micro_batch_is_halved(tiny_model, tmp_path, method):
    folder = tmp_path / "run"
    settings = runs.settings(tiny_model, tmp_path, updates=4, batch=8, method=method)
    hungry = Hungry(4)
    ended = runs.tuned(Request(settings, session=folder), runs.parts(lambda *_: hungry))
    assert ended.reason == "finished"
    halved = [event["message"] for event in runs.events(folder, "warning")]
    assert halved == ["The GPU ran out of memory: the micro-batch is now 4 instead of 8."]


def test_without_memory_for_one_motion_what_was_saved_stays(tiny_model, tmp_path):
    folder, hungry = tmp_path / "run", Hungry(4)
    settings = runs.settings(tiny_model, tmp_path, updates=ENDLESS, batch=4)

    def say(text: str) -> None:
        hungry.most = 0 if text.startswith("pass") else 4

    with pytest.raises(StudioError, match="not enough GPU memory for a single motion"):
        runs.tuned(Request(settings, session=folder), runs.parts(lambda *_: hungry, say=say))
    assert status(folder) == "failed"
    assert (folder / "checkpoint" / "state.safetensors").is_file()


def test_numbers_that_are_none_end_the_run_in_its_last_good_state(tiny_model, tmp_path):
    folder = tmp_path / "run"
    settings = runs.settings(tiny_model, tmp_path, updates=ENDLESS)
    broken = runs.Broken(30)
    ended = runs.tuned(Request(settings, session=folder), runs.parts(lambda *_: broken))
    assert ended.reason == "diverged"
    stopped = runs.events(folder, "stopped")[-1]
    assert (stopped["reason"], stopped["restored"]) == ("diverged", True)
    assert "no number" in stopped["message"]
    tensors = read_tensors(folder / "adapter" / "adapter_model.safetensors", "")
    assert all(bool(torch.isfinite(value).all()) for value in tensors.values())
    assert runs.report(folder)["updates"] == stopped["update"]


def test_reward_hacking_is_caught(tiny_model, tmp_path):
    """A reward that pays for huge latents: it rises and rises, the motions are no motions."""
    folder, honest = tmp_path / "hacked", tmp_path / "honest"
    limits = runs.hold_drift()
    settings = runs.settings(tiny_model, tmp_path, updates=ENDLESS, rate=0.01)
    use = runs.parts(runs.making(runs.Flawed), limits)
    ended = runs.tuned(Request(settings, session=folder), use)
    assert ended.reason == "collapsed"
    checks = runs.events(folder, "check")
    bad = [event for event in checks if event["verdict"] == "bad"]
    assert bad[-1]["values"]["reward"] > bad[-1]["base"]["reward"]  # the reward itself saw nothing
    assert any("drifted" in reason for reason in bad[-1]["reasons"])
    stopped = runs.events(folder, "stopped")[-1]
    assert stopped["restored"]
    assert "drifted" in stopped["message"]
    after = runs.report(folder)["checks"]["after"]
    assert after["drift"] < limits.drift * bad[-1]["base"]["diversity"]
    few = runs.settings(tiny_model, tmp_path, updates=8, rate=0.001)
    assert runs.tuned(Request(few, session=honest), runs.parts(limits=limits)).reason == "finished"
    assert all(event["verdict"] == "good" for event in runs.events(honest, "check"))


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 12 MiB; needs root and the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)]
    mount = shutil.which("mount")
    if not mount or subprocess.run([mount, *options], capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a small file system here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_fills_up_ends_the_run_in_good_order(tiny_model, tmp_path, small_disk):
    settings = runs.settings(tiny_model, tmp_path, updates=20)
    whole, folder, filler = tmp_path / "whole", small_disk / "run", small_disk / "filler"
    runs.tuned(Request(settings, session=whole))

    def say(text: str) -> None:
        if text.startswith("pass 1") and not filler.exists():
            with pytest.raises(OSError), filler.open("wb", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass

    brisk = Cadence(check=0.0, preview=0.0, checkpoint=0.0, share=1.0)
    ended = runs.tuned(Request(settings, session=folder), runs.parts(say=say, cadence=brisk))
    assert ended.reason == "disk"
    assert [event["code"] for event in runs.events(folder, "warning")] == ["disk"]
    assert "The disk is full" in runs.events(folder, "stopped")[-1]["message"]
    assert len(runs.events(folder, "pass")) < 10
    assert not list(folder.rglob(".*"))
    filler.unlink()
    assert runs.tuned(Request(None, session=folder)).reason == "finished"
    assert runs.weights(folder) == runs.weights(whole)


def test_a_disk_without_room_is_seen_before_anything_is_begun(tiny_model, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    folder = tmp_path / "run"
    with pytest.raises(StudioError, match="has 1 MB left; the run needs"):
        runs.tuned(Request(runs.settings(tiny_model, tmp_path), session=folder))
    assert not folder.exists()

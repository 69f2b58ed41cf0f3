"""Many users at once on one page while a model is being tuned: latency, and whose result came back.

python -m benchmarks.load --users 20 --seconds 75 --device cpu
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.tune_process import BUSY, Tuner
from benchmarks.record import RESULTS, record
from engine.files import read_json
from engine.tuning.lock import LOCK, live
from engine.tuning.settings import Settings
from tests.app.serving import real_page

PACK = "everyday"
PATIENCE = 300.0  # seconds until the tuning learns
PERCENTILES = (50, 90, 95, 99, 100)
PROMPTS = (
    "a person walks forward", "a tired person walks forward", "a person waves with the left hand",
    "a person runs", "a person turns to the right", "an old man bows", "a person jumps",
)  # fmt: skip


@dataclass
class User:
    """One program at the page: what it asked for, how long it waited, what went wrong."""

    number: int
    waits: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    first: tuple[dict[str, Any], np.ndarray] | None = None  # a wish and its joints

    def wish(self, turn: int) -> dict[str, Any]:
        """Words and a seed that nobody else asks for."""
        prompt = PROMPTS[(self.number + turn) % len(PROMPTS)]
        seed = 1000 * (self.number + 1) + turn
        return {
            "prompt": f"{prompt}, number {self.number}",
            "seconds": 2.0 + 0.2 * (self.number % 10),
            "seed": seed,
        }

    def work(self, client: Any, until: float) -> None:
        """Ask again and again until it is time; every answer is checked."""
        turn = 0
        while time.monotonic() < until:
            wish, started = self.wish(turn), time.monotonic()
            turn += 1
            try:
                answer = client.predict(**wish, api_name="/generate")
                self.waits.append(time.monotonic() - started)
                joints = read(answer)["joints"]
                self.wrong += mistakes(wish, answer, read(answer))
            except Exception as error:  # counted, and said in the result
                self.wrong.append(f"lost: seed {wish['seed']}: {error!r}")
                continue
            self.first = self.first or (wish, joints)


def mistakes(
    wish: Mapping[str, Any], answer: Mapping[str, Any], archive: Mapping[str, Any]
) -> list[str]:
    """What in an answer is not what was wished for: words, seed, length, command."""
    found = []
    wanted = {
        "prompt": (wish["prompt"], str(archive["prompt"])),
        "seed": (wish["seed"], int(archive["seed"])),
        "frames": (round(wish["seconds"] * 20), len(archive["joints"])),
        "label's seed": (wish["seed"], answer["motions"][0]["seed"]),
        "command": (True, f"--seed {wish['seed']} " in f"{answer['command']} "),
    }
    for name, (asked, came) in wanted.items():
        if asked != came:
            found.append(f"crossed: {name} {came!r} instead of {asked!r}")
    return found


def read(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The file of an answer's first motion."""
    file = answer["motions"][0]["file"]
    with np.load(file if isinstance(file, str) else file["path"], allow_pickle=False) as archive:
        return dict(archive)


def crowd(address: str, users: int, seconds: float, folder: Path) -> list[User]:
    """Let `users` clients generate for so long; returns them when all have their last answer."""
    from gradio_client import Client

    people = [User(number) for number in range(users)]
    clients = [
        Client(address, verbose=False, download_files=str(folder / str(one.number)))
        for one in people
    ]
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=one.work, args=(client, until))
        for one, client in zip(people, clients, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return people


def repeated(address: str, people: Sequence[User], folder: Path) -> list[str]:
    """Ask for each user's first motion once more, alone: other joints mean a crossed result."""
    from gradio_client import Client

    client, found = Client(address, verbose=False, download_files=str(folder / "again")), []
    for one in people:
        if one.first is None:
            found.append(f"lost: user {one.number} got nothing")
            continue
        wish, joints = one.first
        again = read(client.predict(**wish, api_name="/generate"))["joints"]
        if not np.array_equal(again, joints):
            found.append(f"crossed: seed {wish['seed']} is another motion when made alone")
    return found


def figures(people: Sequence[User], seconds: float) -> dict[str, Any]:
    """Latency in seconds, motions a second, and every mistake."""
    waits = np.array([wait for one in people for wait in one.waits])
    wrong = [words for one in people for words in one.wrong]
    told = {f"p{p}" if p < 100 else "longest": round(float(np.percentile(waits, p)), 2)
            for p in PERCENTILES} if len(waits) else {}  # fmt: skip
    return {
        "users": len(people),
        "answers": len(waits),
        "fewest_answers_of_a_user": min(len(one.waits) for one in people),
        "answers_per_second": round(len(waits) / seconds, 2),
        "latency_seconds": told,
        "lost": sum(words.startswith("lost") for words in wrong),
        "crossed": sum(words.startswith("crossed") for words in wrong),
        "mistakes": wrong[:20],
    }


class Tuning:
    """One tuning beside the users, started as the page's Start button does."""

    def __init__(self, home: Path, device: str) -> None:
        os.environ["EASYTUNE_HOME"] = str(home)
        self._tuner = Tuner(device, sys.executable)
        settings = Settings(prompts=(PACK,), device=device, preset="thorough", batch=8)
        self.name = self._tuner.launch("load", [*settings.command(), "--name", "load"])

    @property
    def updates(self) -> int:
        """How many it has made."""
        passes = self._tuner.run(self.name).watch.seen.passes
        return int(passes[-1]["update"]) if passes else 0

    def wait(self) -> None:
        """Until it has measured the base and learns."""
        end = time.monotonic() + PATIENCE
        while not (run := self._tuner.run(self.name)).watch.seen.start:
            if run.state not in BUSY or time.monotonic() > end:
                self.end()
                raise SystemExit(f"The tuning did not begin, it is {run.state}: {run.problem}")
            time.sleep(0.5)

    def end(self) -> None:
        """End its process; nothing of it is kept."""
        folder = self._tuner.run(self.name).folder
        if not live(folder):
            return
        os.kill(int(read_json(folder / LOCK)["pid"]), signal.SIGKILL)
        while live(folder):
            time.sleep(0.1)


def measure(users: int, seconds: float, device: str, model: str) -> dict[str, Any]:
    """Serve the page, tune, let the crowd in; the figures."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with real_page(folder, "--device", device, "--model", model) as address:
            crowd(address, 1, 1.0, folder / "first")  # the model is warm
            tuning = Tuning(folder, device)
            tuning.wait()
            before, started = tuning.updates, time.monotonic()
            people = crowd(address, users, seconds, folder / "crowd")
            took, after = time.monotonic() - started, tuning.updates
            tuning.end()
            found = figures(people, took)
            wrong = repeated(address, people, folder)
    found["crossed"] += sum(words.startswith("crossed") for words in wrong)
    found["mistakes"] = [*found["mistakes"], *wrong][:20]
    return {**found, "seconds": round(took, 1), "repeated_alone": len(people),
            "updates_of_the_tuning_meanwhile": after - before, "device": device}  # fmt: skip


def main() -> None:
    """Parse arguments, measure, write the dated result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=75.0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", default="base")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    values = measure(asked.users, asked.seconds, asked.device, asked.model)
    print(values)
    print(record("load", values, asked.out))


if __name__ == "__main__":
    main()

"""Turn published motion data into one captioned dataset: import, cut, check, split, write."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from shutil import rmtree
from typing import Any

from engine.data import sources as registry
from engine.data.archive import check_path, open_source
from engine.data.clip import Clip
from engine.data.dataset import drop_strays, has_motions, write_index
from engine.data.journal import Journal, code_stamp
from engine.data.splits import Unit, assign
from engine.data.takes import TakeResult, import_take
from engine.errors import StudioError
from engine.motion.skeleton import FPS

AHEAD = 8  # takes handed to each worker in advance, so that none waits for the parent


@dataclass(frozen=True)
class PrepareReport:
    """What a preparation did: counts of clips, skipped takes and pieces, frames, per source."""

    folder: Path
    clips: int
    skipped: int
    frames: int
    reused: int
    per_source: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def minutes(self) -> float:
        """Length of all clips together at 20 fps."""
        return self.frames / FPS / 60.0

    def __str__(self) -> str:
        lines = [f"{self.folder}: {self.clips:,} clips, {self.minutes:,.1f} minutes."]
        for name, count in self.per_source.items():
            lines.append(
                f"  {name}: {count['clips']:,} clips of {count['takes']:,} takes, "
                f"{count['skipped']:,} skipped"
            )
        if self.reused:
            lines.append(f"{self.reused:,} takes were already done by an earlier run.")
        if self.skipped:
            lines.append(f"What was skipped and why: {self.folder / 'skipped.jsonl'}")
        return "\n".join(lines)


def prepare(
    sources: Sequence[tuple[str, Path]], out: Path, jobs: int = 2, progress: bool = True
) -> PrepareReport:
    """Import every (name, folder or archive) into the dataset folder `out`.

    A killed run continues where it stopped: takes that were finished are not read again. What
    cannot be used is listed with its reason in skipped.jsonl. Raises StudioError for an unknown
    source, a path that does not exist, a foreign folder or a source without a single clip.
    """
    out = Path(out)
    registry.forget()
    by_name = _collect(sources)
    _check_out(out, [path for paths in by_name.values() for path in paths])
    records: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    reused = 0
    per_source: dict[str, dict[str, int]] = {}
    for name, paths in by_name.items():
        results, kept = _import_source(name, paths, out, jobs, progress)
        source_records = [record for result in results for record in result.clips]
        source_skipped = [item for result in results for item in result.skipped]
        if not source_records:
            raise StudioError(_nothing(name, paths, source_skipped))
        reused += kept
        records += source_records
        skipped += source_skipped
        per_source[name] = {
            "takes": len(results),
            "clips": len(source_records),
            "skipped": len(source_skipped),
            "frames": sum(record["frames"] for record in source_records),
        }
    clips = _with_splits(records)
    licences = {name: registry.get(name).licence for name in by_name}
    write_index(out, clips, skipped, {"sources": per_source, "licences": licences})
    drop_strays(out, clips)
    rmtree(out / ".prepare" / "unpacked", ignore_errors=True)
    frames = sum(clip.frames for clip in clips)
    return PrepareReport(out, len(clips), len(skipped), frames, reused, per_source)


def _collect(sources: Sequence[tuple[str, Path]]) -> dict[str, list[Path]]:
    if not sources:
        raise StudioError("Name at least one source, for example --source bandai-namco=PATH.")
    by_name: dict[str, list[Path]] = {}
    for name, path in sources:
        registry.get(name)
        check_path(Path(path))
        by_name.setdefault(name, []).append(Path(path).absolute())
    return by_name


def _check_out(out: Path, paths: list[Path]) -> None:
    for path in paths:
        if out.resolve().is_relative_to(path.resolve()):
            raise StudioError(f"{out} lies inside the source {path}; choose a folder outside.")
    if out.is_file():
        raise StudioError(f"{out} is a file; name a folder for the dataset.")
    ours = (out / "dataset.json").exists() or (out / ".prepare").exists()
    if out.exists() and any(out.iterdir()) and not ours:
        raise StudioError(f"{out} is not empty and no dataset of ours; choose another folder.")


def _import_source(
    name: str, paths: list[Path], out: Path, jobs: int, progress: bool
) -> tuple[list[TakeResult], int]:
    root = open_source(paths, out / ".prepare" / "unpacked" / name)
    takes = registry.get(name).takes(root)
    if not takes:
        raise StudioError(_nothing(name, paths, []))
    journal = Journal(out / ".prepare" / f"{name}.jsonl", _stamp(name, paths))
    wanted = set(takes)
    done = {
        take: result
        for take, result in journal.read().items()
        if take in wanted and has_motions(out, result["clips"])
    }
    todo = [take for take in takes if take not in done]
    with journal, _bar(name, len(takes), len(done), progress) as bar:
        for result in _run(name, root, todo, out, jobs):
            journal.append(result.take, result.to_json())
            done[result.take] = result.to_json()
            bar.update()
    return [TakeResult.from_json(done[take]) for take in takes], len(takes) - len(todo)


def _run(name: str, root: Path, todo: list[str], out: Path, jobs: int) -> Iterator[TakeResult]:
    """Yield the result of every take as it is finished, from `jobs` processes."""
    if jobs <= 1 or len(todo) < 2:
        for take in todo:
            yield import_take(name, root, take, out)
        return
    queue = iter(todo)
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        running: set[Future[TakeResult]] = set()
        while True:
            for take in islice(queue, jobs * AHEAD - len(running)):
                running.add(pool.submit(import_take, name, root, take, out))
            if not running:
                break
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    except BrokenProcessPool as error:
        raise StudioError(
            "A worker was killed, probably for lack of memory. Run the same command again with "
            "--jobs 1; it continues where it stopped."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _with_splits(records: list[dict[str, Any]]) -> list[Clip]:
    """Make clips of the records; until here `split` is what the source prescribes, or empty."""
    units = [
        Unit(record["source"], record["group"], record["content"], record["style"], record["split"])
        for record in records
    ]
    return [
        Clip.from_json({**record, "split": split})
        for record, split in zip(records, assign(units), strict=True)
    ]


def _stamp(name: str, paths: list[Path]) -> str:
    """Name what the results depend on: the code, and name, size and time of every file."""
    digest = hashlib.sha256(f"{code_stamp(name)} {name}".encode())
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file():
                status = file.stat()
                digest.update(f"{file} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _nothing(name: str, paths: list[Path], skipped: list[dict[str, str]]) -> str:
    where = ", ".join(map(str, paths))
    if not skipped:
        return f"{where} holds no take of {name}. Give the folder or archive as published."
    first = skipped[0]
    return (
        f"Not one of {len(skipped)} takes of {name} in {where} could be used; "
        f"the first, {first['take']}: {first['reason']}"
    )


def _bar(name: str, total: int, initial: int, progress: bool) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, initial=initial, desc=name, unit="take", disable=not progress)

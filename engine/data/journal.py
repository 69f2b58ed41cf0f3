"""What an interrupted preparation remembers: one line per finished take, torn lines forgotten."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from engine.errors import StudioError


class Journal:
    """An append-only file of take results; valid only under the stamp it was started with."""

    def __init__(self, path: Path, stamp: str) -> None:
        self.path = path
        self.stamp = stamp
        self._file: IO[bytes] | None = None

    def read(self) -> dict[str, Any]:
        """Return {take: result} of all whole lines; nothing when the stamp is another one."""
        lines = self._whole_lines()
        if not lines or lines[0] != {"stamp": self.stamp}:
            return {}
        return {line["take"]: line["result"] for line in lines[1:]}

    def append(self, take: str, result: Any) -> None:
        """Note one finished take; the line reaches the operating system before this returns."""
        if self._file is None:
            raise StudioError("The journal is not open.")
        self._file.write(_line({"take": take, "result": result}))
        self._file.flush()

    def __enter__(self) -> Journal:
        """Open for appending, after dropping a torn last line or results of another stamp."""
        kept = self.read()
        content = _line({"stamp": self.stamp})
        content += b"".join(_line({"take": key, "result": kept[key]}) for key in kept)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".new")
        temporary.write_bytes(content)
        temporary.replace(self.path)
        self._file = self.path.open("ab")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _whole_lines(self) -> list[Any]:
        if not self.path.exists():
            return []
        lines: list[Any] = []
        for raw in self.path.read_bytes().split(b"\n")[:-1]:
            try:
                lines.append(json.loads(raw))
            except ValueError:  # a kill in the middle of a write
                break
        return lines


def code_stamp(source: str) -> str:
    """Hash the modules that make joints of a source's files: other code means other results."""
    engine = Path(__file__).resolve().parents[1]
    paths = [*engine.glob("motion/**/*.py"), *engine.glob("data/sources/_*.py")]
    paths += [engine / "data" / "sources" / f"{source.replace('-', '_')}.py"]
    digest = hashlib.sha256()
    for path in [*sorted(paths), engine / "data" / "takes.py"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"

"""import: a motion file of another program to motion.npz."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path

from engine.errors import StudioError
from engine.motion.formats.load import Loaded, load_motion


def run(
    source: Path, output: Path, start: float = 0.0, y_up: bool = False, as_json: bool = False
) -> Loaded:
    """Read a file, write the motion, print what became of it; StudioError when it is none."""
    if output.suffix != ".npz":
        raise StudioError(f"{output} should end in .npz, the kind of file that is written.")
    loaded = load_motion(source, start, y_up)
    loaded.motion.save(output)
    if as_json:
        print(
            jsonlib.dumps({
                "path": str(output), "frames": loaded.motion.frames,
                "seconds": loaded.motion.seconds, "file_fps": loaded.fps,
                "file_seconds": loaded.seconds,
            })
        )  # fmt: skip
        return loaded
    print(output)
    print(
        f"{loaded.motion.seconds:.2f} of {loaded.seconds:.2f} seconds, from {start:g} on; "
        f"the file has {loaded.fps:g} frames a second."
    )
    return loaded

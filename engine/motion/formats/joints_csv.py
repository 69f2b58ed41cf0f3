"""Joint positions as a table: one row per frame, for spreadsheets and R."""

from __future__ import annotations

import csv
import io

import numpy as np

from engine.errors import StudioError
from engine.motion.export_take import Take
from engine.motion.formats.names import find_joints
from engine.motion.formats.smpl_pose import MAX_INPUT_FRAMES, check_rate
from engine.motion.skeleton import JOINT_NAMES, N_JOINTS


def write_csv(take: Take) -> bytes:
    """Columns frame, time (seconds), then x, y and z of each joint in metres, Y up."""
    names = [f"{joint}_{axis}" for joint in JOINT_NAMES for axis in "xyz"]
    lines = [",".join(("frame", "time", *names))]
    # Nine digits are enough to get the same float32 back.
    for frame, row in enumerate(take.joints.astype(np.float32).reshape(take.frames, -1)):
        values = ",".join(f"{value:.9g}" for value in row)
        lines.append(f"{frame},{frame / take.fps:.9g},{values}")
    return ("\n".join(lines) + "\n").encode()


def read_csv(data: bytes) -> tuple[np.ndarray, float]:
    """Joints [T, 22, 3] and the frame rate; StudioError when a column or a number is missing."""
    text = data.decode("utf-8-sig", errors="replace")
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise StudioError(f"The file is not a readable table: {error}.") from error
    header = [name.strip() for name in rows[0]] if rows else []
    stems = [name[:-2] if name[-2:] in ("_x", "_y", "_z") else "" for name in header]
    found = find_joints(stems)
    missing = [name for name in JOINT_NAMES if name not in found]
    if missing or "time" not in header:
        raise StudioError(
            f"The table's first row lacks {(missing or ['time'])[0]!r}; it should name 'time' and "
            "the 22 joints, such as 'pelvis_x'."
        )
    places = [
        _column(header, f"{stems[found[name]]}_{axis}") for name in JOINT_NAMES for axis in "xyz"
    ]
    body = [row for row in rows[1:] if any(cell.strip() for cell in row)]
    if not 2 <= len(body) <= MAX_INPUT_FRAMES:
        raise StudioError(
            f"The table has {len(body):,} frames; 2 to {MAX_INPUT_FRAMES:,} are read."
        )
    try:
        table = np.array([[float(row[place]) for place in places] for row in body])
        times = np.array([float(row[header.index("time")]) for row in body])
    except (ValueError, IndexError) as error:
        raise StudioError(f"The table has a cell that is missing or no number: {error}.") from error
    if not (np.isfinite(table).all() and np.isfinite(times).all()):
        raise StudioError("The table contains NaN or infinite values.")
    steps = np.diff(times)
    step = float(np.median(steps))
    if step <= 0 or np.abs(steps - step).max() > 0.1 * step:
        raise StudioError("The table's times are not evenly spaced.")
    # The whole length is exacter than one rounded step.
    rate = check_rate((len(times) - 1) / float(times[-1] - times[0]))
    return table.reshape(-1, N_JOINTS, 3), rate


def _column(header: list[str], name: str) -> int:
    if name not in header:
        raise StudioError(f"The table has no column {name!r}.")
    return header.index(name)

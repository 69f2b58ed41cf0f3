"""Files that are broken in ways nobody thought of: a motion comes out, or a sentence, nothing else.

EASYTUNE_FUZZ sets how many examples each test tries.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import StudioError
from engine.motion.formats.load import load_motion
from tests.motion.test_import import DATA, SUFFIX, glb_document, glb_file

EXAMPLES = int(os.environ.get("EASYTUNE_FUZZ", "30"))


def survives(data: bytes, suffix: str) -> None:
    """Reading gives a valid motion or raises a StudioError of one line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        path.write_bytes(data)
        try:
            load_motion(path).motion.validate()
        except StudioError as error:
            assert str(error)
            assert len(str(error)) < 1000


changes = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6)


@pytest.mark.parametrize("format", sorted(DATA))
@given(changes=changes, keep=st.floats(0, 1), whole=st.booleans(), early=st.booleans())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_damaged_files_never_crash(format, changes, keep, whole, early):
    """Bytes changed, most of them where headers are, or the end cut off: a motion or a sentence."""
    data = bytearray(DATA[format])
    reach = min(len(data), 3000) if early else len(data)
    for place, value in changes:
        data[int(place * reach)] = value
    if not whole:
        data = data[: int(keep * len(data))]
    survives(bytes(data), SUFFIX[format])


@given(data=st.data())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_documents_of_any_content_never_crash(data):
    """A GLB whose JSON has a value replaced by another one, at any depth."""
    document, rest = glb_document(DATA["glb"])
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        child = place[key]
        if not isinstance(child, (dict, list)) or not child or data.draw(st.integers(0, 4)) == 0:
            break
        place = child
    place[key] = data.draw(
        st.one_of(
            st.none(), st.integers(-(2**40), 2**40), st.floats(), st.text(max_size=5),
            st.just([]), st.just({}), st.booleans(),
        )
    )  # fmt: skip
    survives(glb_file(document, rest), ".glb")


PLACES = st.floats(0, 1, exclude_max=True)
WORDS = st.one_of(
    st.sampled_from([b"", b"{", b"}", b"nan", b"-inf", b"1e999", b"0", b"-1", b"99999999999",
                     b"JOINT", b"End", b"MOTION", b"CHANNELS 6", b"Frames: 99999999", b",", b"\n"]),
    st.floats().map(lambda value: str(value).encode()),
    st.binary(max_size=6),
)  # fmt: skip


@pytest.mark.parametrize("format", ["bvh", "csv"])
@given(
    changes=st.lists(st.tuples(PLACES, WORDS), min_size=1, max_size=4),
    early=st.booleans(),
)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_texts_with_other_words_never_crash(format, changes, early):
    """Words or separators of a text file replaced by others, most of them where the skeleton is."""
    words = re.split(rb"([\s,]+)", DATA[format])
    reach = min(len(words), 600) if early else len(words)
    for place, word in changes:
        words[int(place * reach)] = word
    survives(b"".join(words), SUFFIX[format])


ARRAYS = st.tuples(
    st.sampled_from(["f8", "f4", "f2", "i8", "u1", "?", "c16", "U4", "M8[s]"]),
    st.lists(st.sampled_from([0, 1, 2, 3, 22, 24, 30, 66, 72, 156, 165]), max_size=4),
    st.sampled_from([0.0, 1.0, -1.0, 1e30, float("nan"), float("inf")]),
)


@pytest.mark.parametrize("format", ["npz", "amass", "smplx", "features"])
@given(changed=st.dictionaries(st.integers(0, 12), ARRAYS, min_size=1, max_size=3),
       dropped=st.sets(st.integers(0, 12), max_size=3))  # fmt: skip
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_arrays_of_any_kind_never_crash(format, changed, dropped):
    """Arrays of another type, shape or content, and arrays that are missing."""
    stored = np.load(io.BytesIO(DATA[format]))
    arrays = {"": stored} if format == "features" else {n: stored[n] for n in stored.files}
    for number, name in enumerate(list(arrays)):
        if number in changed and np.prod(changed[number][1], dtype=float) < 1e6:
            arrays[name] = made(*changed[number])
        elif number in dropped and format != "features":
            del arrays[name]
    buffer = io.BytesIO()
    if format == "features":
        np.save(buffer, arrays[""])
    else:
        np.savez(buffer, **arrays)
    survives(buffer.getvalue(), SUFFIX[format])


def made(kind: str, shape: list[int], value: float) -> np.ndarray:
    """An array of one value, as far as the type can hold it."""
    with np.errstate(all="ignore"):
        whole = np.nan_to_num(np.full(shape, value), nan=0, posinf=9, neginf=-9).clip(-1e3, 1e3)
        return (whole if np.dtype(kind).kind in "iuM" else np.full(shape, value)).astype(kind)

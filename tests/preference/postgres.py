"""A PostgreSQL server of our own for a test: on a socket in a temporary folder, then gone."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "EASYTUNE_TEST_POSTGRES"


@contextmanager
def server() -> Iterator[str]:
    """An address for SQLAlchemy: the one that the environment names, or that of a fresh server."""
    if os.environ.get("EASYTUNE_TEST_POSTGRES"):
        yield os.environ["EASYTUNE_TEST_POSTGRES"]
        return
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="easytune-pg-"))
    who: dict[str, Any] = {}
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        user = next((u for u in ("postgres", "nobody") if _known(u)), None)
        if user is None:
            pytest.skip("PostgreSQL does not run as root, and there is no user to run it as")
        shutil.chown(folder, user)
        who = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    data, log = folder / "data", folder / "log"

    def call(*words: str) -> None:
        done = subprocess.run(words, cwd=folder, capture_output=True, check=False, **who)
        assert done.returncode == 0, done.stderr.decode() + (
            log.read_text() if log.exists() else ""
        )

    try:
        call(str(programs / "initdb"), "-D", str(data), "-U", "tester", "-A", "trust", "-N")
        call(str(programs / "pg_ctl"), "-D", str(data), "-l", str(log), "-w", "-o",
             f"-k {folder} -h ''", "start")  # fmt: skip
        try:
            yield f"postgresql+psycopg://tester@/postgres?host={folder}"
        finally:
            call(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    pytest.importorskip("psycopg", reason="needs the driver psycopg")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    if found:
        places.insert(0, Path(found).resolve().parent)
    for place in places:
        if (place / "initdb").is_file() and (place / "pg_ctl").is_file():
            return place
    pytest.skip(f"needs PostgreSQL: apt-get install postgresql, or set {VARIABLE}")


def _known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True

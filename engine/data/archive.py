"""Where a source lies: a folder as it is, an archive unpacked, several of one name side by side."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from time import time_ns

from engine.data.dataset import safe_name
from engine.errors import StudioError

EXTRA = ".json"  # annotations that are published apart from the motion
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2")


def open_source(paths: Sequence[Path], work: Path) -> Path:
    """Return one folder that holds everything in `paths` (folders or archives as published).

    One folder is used where it lies. Archives are unpacked below `work`, once; several paths of
    one source come together there, folders and annotation files (.json) as links. StudioError
    when a path does not exist, is no archive or cannot be unpacked.
    """
    for path in paths:
        check_path(path)
    if len(paths) == 1 and paths[0].is_dir():
        return paths[0]
    for number, path in enumerate(paths):
        target = work / f"{number}-{safe_name(path.name.split('.')[0])}"
        done, state = work / f".{target.name}.done", _state(path)
        if done.exists() and done.read_text() == state:
            continue
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        if path.is_dir():
            _link(path, target)
        elif path.suffix.lower() == EXTRA:
            (target / path.name).symlink_to(path.resolve())
        else:
            unpack(path, target)
        done.write_text(state)
    return work


def check_path(path: Path) -> None:
    """Raise StudioError unless `path` is a folder, an archive by its name or annotations."""
    if not path.exists():
        raise StudioError(f"{path} does not exist. Give the folder or archive as published.")
    if path.is_file() and not path.name.lower().endswith((*ARCHIVES, EXTRA)):
        raise StudioError(f"{path} is neither a folder nor an archive ({', '.join(ARCHIVES)}).")


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip or tar into `target`; nothing may land outside of it."""
    try:
        if archive.name.lower().endswith(".zip"):
            _unpack_zip(archive, target)
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(target, filter="data")
    except tarfile.FilterError as error:
        raise StudioError(
            f"{archive} holds an unsafe path and was not unpacked: {error}"
        ) from error
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError) as error:
        raise StudioError(
            f"{archive} is damaged or no archive: {error}. Fetch it again."
        ) from error
    except OSError as error:
        raise StudioError(f"{archive} cannot be unpacked to {target}: {error}") from error
    except Exception as error:  # lzma and zlib raise errors of their own for damaged data
        raise StudioError(f"{archive} is damaged: {error}. Fetch it again.") from error


def _state(path: Path) -> str:
    """Tell one version of an archive from another; folders are linked anew every time."""
    status = path.stat()
    return f"{path} {status.st_size} {status.st_mtime_ns}" if path.is_file() else f"{time_ns()}"


def _unpack_zip(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        needed = sum(entry.file_size for entry in file.infolist())
        if needed > shutil.disk_usage(target).free:
            raise StudioError(f"{archive} needs {needed / 1e9:.1f} GB free below {target}.")
        file.extractall(target)  # zipfile drops "..", drive letters and absolute paths itself


def _link(folder: Path, target: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            link = target / file.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file.resolve())

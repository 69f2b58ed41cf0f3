"""A tuned model as one zip file, and back: nothing of a stranger's file is kept but its values."""

from __future__ import annotations

import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

from engine.adapters.changes import check_model_name
from engine.adapters.shelf import Entry, base_path, entry, free_name
from engine.checks import shown
from engine.errors import StudioError
from engine.files import make_folder, write_bytes
from engine.models.adapter_folder import CARD, CONFIG, WEIGHTS, AdapterFolder, write_adapter
from engine.models.registry import available_models, home, resolve_model

MB = 1024 * 1024
MOST_ZIP = 64 * MB
# What may be in the file, and how large each may be when unpacked.
LIMITS = {WEIGHTS: 256 * MB, CONFIG: MB, CARD: 4 * MB, "README.md": 4 * MB}
NEEDED = (WEIGHTS, CONFIG, CARD)
DATE = (1980, 1, 1, 0, 0, 0)  # the same model gives the same file
OWN = ("format", "version", "kind", "sha256")  # of the card: written anew


def export(name: str, output: Path | None = None) -> Path:
    """Write a tuned model with its card as a zip; returns the file, NAME.zip by default."""
    one = entry(name)
    target = Path(output) if output else Path(f"{name}.zip")
    make_folder(target.parent)
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in LIMITS:
                if (one.folder / part).is_file():
                    info = zipfile.ZipInfo(f"{name}/{part}", DATE)
                    info.external_attr = 0o644 << 16
                    info.compress_type = zipfile.ZIP_DEFLATED
                    archive.writestr(info, (one.folder / part).read_bytes())
        file.seek(0)
        write_bytes(target, file.read())
    return target


def import_zip(path: Path | str, name: str | None = None) -> Entry:
    """Take a model from a zip into adapters/; returns it.

    StudioError for anything but the files of an adapter, within their limits, whose weights are
    whole and fit a base model that is here.
    """
    path = Path(path)
    make_folder(home() / "adapters")
    with tempfile.TemporaryDirectory(prefix=".import-", dir=home() / "adapters") as place:
        folder = Path(place) / "adapter"
        folder.mkdir()
        for part, data in read_parts(path).items():
            (folder / part).write_bytes(data)
        found = AdapterFolder.read(folder)
        _check_fits(found)
        wanted = free_name(check_model_name(name) if name else _name_of(found, path))
        card: dict[str, Any] = {k: v for k, v in found.card.items() if k not in OWN}
        card["name"] = wanted
        from engine.models.adapter import LAYERS

        write_adapter(
            base_path(wanted), card, found.tensors(), LAYERS, found.rank, found.alpha
        )  # fmt: skip
    return entry(wanted)


def read_parts(path: Path) -> dict[str, bytes]:
    """The files of an adapter in a zip, by name; StudioError for whatever else is in it.

    Sizes are counted while unpacking: what the archive says of itself is not believed.
    """
    try:
        if path.stat().st_size > MOST_ZIP:
            raise StudioError(f"{path.name} is larger than {MOST_ZIP // MB} MB.")
        with zipfile.ZipFile(path) as archive:
            members = _members(archive)
            return {part: _unpacked(archive, info, part) for part, info in members.items()}
    except FileNotFoundError as error:
        raise StudioError(f"{path} does not exist.") from error
    except (
        OSError, ValueError, RuntimeError, EOFError, NotImplementedError,
        zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise StudioError(f"{path.name} is no zip file that can be read: {error}") from error


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    folders = set()
    for info in archive.infolist()[:100]:
        place = PurePosixPath(info.filename)
        if info.is_dir() and len(place.parts) == 1 and ".." not in place.parts:
            continue
        allowed = (
            place.name in LIMITS and len(place.parts) <= 2 and not place.is_absolute()
            and ".." not in place.parts and "\\" not in info.filename
            and not stat.S_ISLNK(info.external_attr >> 16)
        )  # fmt: skip
        if not allowed:
            raise StudioError(
                f"The file holds {shown(info.filename)!r}, which is no part of a tuned model. "
                f"Allowed are {', '.join(LIMITS)}: weights as safetensors only."
            )
        if place.name in found:
            raise StudioError(f"The file holds {place.name} twice.")
        found[place.name] = info
        folders.add(place.parent)
    missing = [name for name in NEEDED if name not in found]
    if missing or len(folders) > 1 or len(archive.infolist()) > 100:
        what = f"{', '.join(missing)} missing" if missing else "several folders"
        raise StudioError(f"The file holds no tuned model ({what}).")
    return found


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, part: str) -> bytes:
    most = LIMITS[part]
    with archive.open(info) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise StudioError(f"{part} unpacks to more than {most // MB} MB.")
    return data


def _check_fits(found: AdapterFolder) -> None:
    """StudioError unless a base model that is here is the one it was tuned on, layer by layer."""
    from engine.diffusion.model import MotionModel
    from engine.models.adapter import load_adapter, weights_hash

    told = dict(found.card.get("base") or {})
    hashes = []
    for name in available_models():
        denoiser = MotionModel.from_pretrained(resolve_model(name)).denoiser
        hashes.append(f"{name} {(here := weights_hash(denoiser))[:12]}")
        if here == found.base_hash:
            load_adapter(denoiser, found.folder, base_hash=here)
            return
    raise StudioError(
        f"The model was tuned on another base ({told.get('id', 'unknown')}, weights "
        f"{found.base_hash[:12] or 'unknown'}); here are {', '.join(hashes) or 'none'}. "
        "Put that base into checkpoints/ first."
    )


def _name_of(found: AdapterFolder, path: Path) -> str:
    for wanted in (str(found.card.get("name", "")), path.stem, "imported"):
        try:
            return check_model_name(wanted.replace(" ", "-"))
        except StudioError:
            continue
    return "imported-model"

"""reproduce: the motions of a receipt once more, and whether they are the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.checks import (
    MAX_MODEL_STEPS,
    check_guidance,
    check_prompt,
    check_seconds,
    check_seed,
    check_steps,
    shown,
)
from engine.commands.edit_receipt import KIND, read_recipe
from engine.commands.receipt import FORMAT, VERSION, Wish, joints_sha256
from engine.edit.parts import Recipe
from engine.errors import StudioError
from engine.files import make_folder, read_json
from engine.models.registry import resolve_adapter, resolve_model

if TYPE_CHECKING:
    from engine.motion.motion import Motion
    from engine.pipeline import MotionPipeline

MAX_TOGETHER = 64


@dataclass(frozen=True)
class Order:
    """What a receipt asks for: all wishes of the call, which of them, and their hashes.

    Or, in place of wishes, the recipe of one edited motion.
    """

    model: str
    sha256: str
    adapter: str | None
    adapter_sha256: str | None
    strength: float
    device: str
    guidance: float
    steps: int
    wishes: tuple[Wish, ...]
    places: tuple[int, ...]
    hashes: tuple[str, ...]
    recipe: Recipe | None = None


def run(
    receipt: Path,
    output: Path,
    model: str | None = None,
    adapter: str | None = None,
    device: str | None = None,
) -> bool:
    """Make a receipt's motions again in `output`; whether all are identical to the last bit.

    `model` and `adapter` say where those are now, if not where the receipt says. Prints a line
    per motion. Raises StudioError when the receipt, the model or the adapter does not allow it.
    """
    order = read_order(receipt)
    folder, tuned = _weights(order, model, adapter)
    make_folder(output)
    from engine.pipeline import MotionPipeline

    pipeline = MotionPipeline.from_pretrained(
        folder, device, adapter=tuned, strength=order.strength
    )
    motions = _made(pipeline, order)
    same = True
    for number, (place, digest) in enumerate(zip(order.places, order.hashes, strict=True)):
        name = "motion.npz" if len(order.places) == 1 else f"motion_{number}.npz"
        motions[place].save(output / name)
        equal = joints_sha256(motions[place]) == digest
        same &= equal
        print(f"{output / name}: {_verdict(equal, order.device, str(pipeline.device))}")
    return same


def _made(pipeline: MotionPipeline, order: Order) -> list[Motion]:
    """All motions of the call once more."""
    if order.recipe is not None:
        from engine.edit.make import make

        return [make(pipeline, order.recipe).motion]
    return pipeline(
        [wish.prompt for wish in order.wishes],
        [wish.seconds for wish in order.wishes],
        [wish.seed for wish in order.wishes],
        guidance=order.guidance,
        steps=order.steps,
    )


def _weights(order: Order, model: str | None, adapter: str | None) -> tuple[Path, Path | None]:
    """Folders of the receipt's model and adapter, after a look at their hashes."""
    from engine.diffusion.model import fingerprint
    from engine.models.adapter_folder import AdapterFolder

    folder = resolve_model(model or order.model)
    _check("model", folder, fingerprint(folder), order.sha256)
    if order.adapter is None or order.adapter_sha256 is None:
        return folder, None
    tuned = resolve_adapter(adapter or order.adapter)
    _check("adapter", tuned, AdapterFolder.read(tuned).fingerprint, order.adapter_sha256)
    return folder, tuned


def _check(kind: str, folder: Path, have: str, wanted: str) -> None:
    if have != wanted:
        raise StudioError(
            f"The receipt was made with another {kind} ({wanted[:12]}; {folder} is {have[:12]}). "
            f"Name the right folder with --{kind}."
        )


def _verdict(equal: bool, made_on: str, here: str) -> str:
    if equal:
        return "identical"
    if made_on.partition(":")[0] != here.partition(":")[0]:
        return f"not identical; it was made on {made_on}, this is {here}: rounding differs"
    return "not identical; another processor or library version rounds differently"


def read_order(path: Path) -> Order:
    """A receipt, every value checked; StudioError says what is wrong with it."""
    receipt = read_json(path)
    if not isinstance(receipt, dict) or receipt.get("format") != FORMAT:
        raise StudioError(f"{path} is not a receipt of generated motions.")
    if receipt.get("version") != VERSION:
        raise StudioError(
            f"{path} is of version {shown(receipt.get('version'))}; this program reads {VERSION}."
        )
    try:
        return _order(receipt, path.parent)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise StudioError(f"{path} is damaged ({type(error).__name__}: {error}).") from error
    except StudioError as error:
        raise StudioError(f"{path}: {error}") from error


def _order(receipt: dict[str, Any], folder: Path) -> Order:
    entries = receipt["motions"]
    edited = receipt.get("kind") == KIND
    wishes, places = ((), (0,)) if edited else _wishes(receipt, entries)
    hashes = tuple(str(entry["sha256"]) for entry in entries)
    if edited and len(entries) != 1:
        raise StudioError("A receipt of an edited motion names one motion.")
    adapter = receipt.get("adapter")
    tuned = () if adapter is None else (str(receipt["adapter_sha256"]),)
    digests = (str(receipt["model_sha256"]), *hashes, *tuned)
    if not all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in digests):
        raise StudioError("The receipt holds something that is no SHA-256.")
    guidance = check_guidance(receipt["guidance"])
    steps = check_steps(receipt["steps"], MAX_MODEL_STEPS)
    return Order(
        model=str(receipt["model_folder"]),
        sha256=digests[0],
        adapter=None if adapter is None else str(adapter),
        adapter_sha256=tuned[0] if tuned else None,
        strength=float(receipt["strength"]),
        device=str(receipt["device"])[:40],
        guidance=guidance,
        steps=steps,
        wishes=wishes,
        places=places,
        hashes=hashes,
        recipe=read_recipe(receipt, folder, guidance, steps) if edited else None,
    )


def _wishes(
    receipt: dict[str, Any], entries: list[Any]
) -> tuple[tuple[Wish, ...], tuple[int, ...]]:
    """All wishes of the call, and which of them the receipt's motions are."""
    own = [(entry["prompt"], entry["seconds"], entry["seed"]) for entry in entries]
    wishes = tuple(_wish(*values) for values in receipt.get("together", own))
    places = tuple(receipt.get("places", range(len(own))))
    if not 1 <= len(wishes) <= MAX_TOGETHER or len(places) != len(own):
        raise StudioError(f"A receipt names 1 to {MAX_TOGETHER} motions.")
    for place, values in zip(places, own, strict=True):
        if not 0 <= place < len(wishes) or wishes[place] != _wish(*values):
            raise StudioError("The receipt's motions are not among those made together.")
    return wishes, places


def _wish(prompt: Any, seconds: Any, seed: Any) -> Wish:
    check_seconds(seconds)
    return Wish(check_prompt(prompt), float(seconds), check_seed(seed))

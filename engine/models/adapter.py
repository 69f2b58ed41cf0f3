"""Adapters on a denoiser: LoRA (through PEFT) or tuned blocks; the base's weights never change.

An adapter has a name on the denoiser it sits on, so that several can be blended.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from engine.errors import StudioError
from engine.models.adapter_folder import AdapterFolder, write_adapter
from engine.models.full_tuning import FullTuning

if TYPE_CHECKING:
    from peft.tuners.lora import LoraLayer

    from engine.models.backbone import Network

# The blocks' attention and feed-forward layers, as PEFT matches names; never the text head's.
# The second half are the names in published models, whose blocks may lie one level deeper.
LAYERS = (
    r"blocks\.\d+\.(?:(?:self_attention|cross_attention)\.(?:query|key_value|out)"
    r"|feed_forward\.[02])"
    r"|blocks\.(?:\w+\.)*(?:self_attn\.(?:in_proj|out_proj)|linear[12])"
)
NAME = "default"
MAX_RANK = 256
MAX_STRENGTH = 1.5


def attach(
    denoiser: Network, rank: int = 8, alpha: float = 16, name: str = NAME, seed: int = 0
) -> list[nn.Parameter]:
    """Put fresh LoRA layers (B = 0: nothing changes yet) on the blocks; returns what to train.

    W x becomes W x + alpha / rank * B A x (LoRA, Eq. 3). Base weights stop requiring gradients.
    """
    if not 1 <= rank <= MAX_RANK:
        raise StudioError(f"The rank {rank} is out of range: choose 1 to {MAX_RANK}.")
    if not 0 < alpha <= 10_000:
        raise StudioError(f"The alpha {alpha:g} is out of range: choose a number over 0.")
    _inject(denoiser, rank, alpha, name, seed)
    denoiser.requires_grad_(False)
    trained = list(_lora_tensors(denoiser, name).values())
    for value in trained:
        value.requires_grad_(True)
    return trained


def attach_full(denoiser: Network, name: str = NAME) -> list[nn.Parameter]:
    """Make the blocks' own weights trainable, with the base's kept aside; returns them."""
    denoiser.requires_grad_(False)
    return FullTuning.of(denoiser).train(name)


def detach(denoiser: Network) -> None:
    """Take every adapter off: the denoiser is its base again, bit for bit."""
    base: dict[Any, nn.Module] = {one: one.get_base_layer() for one in lora_layers(denoiser)}
    for parent in list(denoiser.modules()):
        for key, child in list(parent.named_children()):
            if child in base:
                setattr(parent, key, base[child])
    if hasattr(denoiser, "peft_config"):
        del denoiser.peft_config
    FullTuning.remove(denoiser)
    denoiser.requires_grad_(False)


@contextmanager
def disabled(denoiser: Network) -> Iterator[None]:
    """The base's own predictions inside the block. A captured CUDA graph does not see this."""
    layers = lora_layers(denoiser)
    trained = [value for value in denoiser.parameters() if value.requires_grad]
    full = FullTuning.find(denoiser)
    for layer in layers:
        layer.enable_adapters(False)
    if full is not None:
        full.hide()
    try:
        yield
    finally:
        if full is not None:
            full.show()
        for layer in layers:
            layer.enable_adapters(True)
        denoiser.requires_grad_(False)  # PEFT has made all adapters trainable
        for value in trained:
            value.requires_grad_(True)


def check_strength(strength: float) -> float:
    """A strength between 0 (the base) and 1.5; StudioError otherwise."""
    if not isinstance(strength, (int, float)) or not 0.0 <= strength <= MAX_STRENGTH:
        raise StudioError(f"The strength {strength} is out of range: choose 0 to {MAX_STRENGTH}.")
    return float(strength)


def set_strength(denoiser: Network, strength: float, name: str = NAME) -> None:
    """How much of an adapter is applied: 0 none, 1 as trained, at most 1.5. Nothing is merged."""
    strength = check_strength(strength)
    full = FullTuning.find(denoiser)
    if full is not None and name in full.names:
        full.set_strength(name, strength)
    for layer in lora_layers(denoiser):
        layer.set_scale(name, strength)


def save_adapter(denoiser: Network, folder: Path, card: dict[str, Any], name: str = NAME) -> None:
    """Write an adapter as a folder (PEFT's files, easytune.json, README.md), whole or not at all.

    `card` needs base {"id"}; config, prompts, reward, measured and words are shown where given.
    """
    full = FullTuning.find(denoiser)
    is_full = full is not None and name in full.names
    tensors = adapter_tensors(denoiser, name)
    if not tensors:
        raise StudioError(f"There is no adapter {name!r} to save.")
    sizes = {} if is_full else _sizes(denoiser, name)
    base = {**card.get("base", {}), "hash": weights_hash(denoiser)}
    write_adapter(folder, {**card, "base": base}, tensors, LAYERS, **sizes)


def load_adapter(
    denoiser: Network,
    folder: Path | str,
    strength: float = 1.0,
    base_hash: str | None = None,
    name: str = NAME,
    trainable: bool = False,
) -> AdapterFolder:
    """Put an adapter from a folder on the denoiser, beside those it has; returns what it says.

    `base_hash` spares computing `weights_hash`. StudioError when the folder is damaged, from a
    newer version, or made for another base; then the denoiser is as it was.
    """
    strength = check_strength(strength)
    found = AdapterFolder.read(folder)
    found.check_base(base_hash or weights_hash(denoiser))
    tensors = found.tensors()
    if found.kind == "full":
        full = FullTuning.of(denoiser)
        full.load(name, tensors, strength, trainable, where=str(folder))
        return found
    _check_fit(denoiser, tensors, found)
    _inject(denoiser, found.rank, found.alpha, name)
    for key, slot in _lora_tensors(denoiser, name).items():
        slot.data.copy_(tensors[key])
    denoiser.requires_grad_(False)
    if trainable:
        for slot in _lora_tensors(denoiser, name).values():
            slot.requires_grad_(True)
    set_strength(denoiser, strength, name)
    return found


def load_blend(
    denoiser: Network, parts: Sequence[tuple[Path | str, float]], base_hash: str | None = None
) -> list[AdapterFolder]:
    """Several adapters at once, each with its strength: their changes add up."""
    own = base_hash or weights_hash(denoiser)
    try:
        return [
            load_adapter(denoiser, folder, strength, own, name=f"part{number}")
            for number, (folder, strength) in enumerate(parts)
        ]
    except StudioError:
        detach(denoiser)
        raise


def adapter_tensors(denoiser: Network, name: str = NAME) -> dict[str, nn.Parameter]:
    """The live tensors of an adapter under the names they have on disk, in a fixed order."""
    full = FullTuning.find(denoiser)
    if full is not None and name in full.names:
        return full.live()
    return _lora_tensors(denoiser, name)


def weights_hash(denoiser: Network) -> str:
    """SHA-256 of the base's weights as loaded, whatever adapters sit on them."""
    full = FullTuning.find(denoiser)
    hidden: dict[str, Tensor] = {} if full is None else full.base
    digest = hashlib.sha256()
    for key, value in sorted(denoiser.state_dict().items()):
        if ".lora_" in key:
            continue
        plain = key.replace(".base_layer.", ".")
        digest.update(plain.encode())
        tensor = hidden.get(plain, value).detach().float().cpu().contiguous()
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def lora_layers(denoiser: Network) -> list[LoraLayer]:
    """Every layer that carries LoRA, in the network's order."""
    if not hasattr(denoiser, "peft_config"):
        return []  # PEFT takes seconds to import, and nobody needs it here
    from peft.tuners.lora import LoraLayer

    return [module for module in denoiser.modules() if isinstance(module, LoraLayer)]


def _inject(denoiser: Network, rank: int, alpha: float, name: str, seed: int = 0) -> None:
    """PEFT's layers on every layer of LAYERS; the caller's random numbers stay as they are."""
    from peft import LoraConfig, inject_adapter_in_model

    if name in getattr(denoiser, "peft_config", {}):
        raise StudioError(f"An adapter {name!r} is attached already.")
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=LAYERS)  # type: ignore[arg-type]
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Already found a `peft_config`")
        torch.manual_seed(seed)
        inject_adapter_in_model(config, denoiser, name)
    for layer in lora_layers(denoiser):
        layer.set_adapter(list(layer.r))  # the new one beside the others, not instead of them


def _lora_tensors(denoiser: Network, name: str) -> dict[str, nn.Parameter]:
    found = {}
    for key, value in denoiser.named_parameters():
        if ".lora_" in key and f".{name}." in key:
            found[f"base_model.model.{key.replace(f'.{name}.', '.')}"] = value
    return found


def _sizes(denoiser: Network, name: str) -> dict[str, Any]:
    layer = lora_layers(denoiser)[0]
    return {"rank": layer.r[name], "alpha": layer.lora_alpha[name]}


def _check_fit(denoiser: Network, tensors: dict[str, Tensor], found: AdapterFolder) -> None:
    """StudioError unless the tensors are exactly those that LoRA of this rank has here."""
    wanted: dict[str, tuple[int, ...]] = {}
    for key, module in denoiser.named_modules():
        plain = key.removesuffix(".base_layer")
        if isinstance(module, nn.Linear) and re.fullmatch(LAYERS, plain):
            stem = f"base_model.model.{plain}"
            wanted[f"{stem}.lora_A.weight"] = (found.rank, module.in_features)
            wanted[f"{stem}.lora_B.weight"] = (module.out_features, found.rank)
    if {key: tuple(value.shape) for key, value in tensors.items()} != wanted:
        raise StudioError(
            f"The adapter {found.folder} does not fit this model: its layers differ. "
            "It was made for another one, or its files are mixed up."
        )

"""Published checkpoints as our networks: which sizes they have, what fits and what does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from engine.backbones.mdm import MDM, MDMConfig
from engine.backbones.mld import MLDVAE, MLDDenoiser, MLDDenoiserConfig, MLDVAEConfig
from engine.backbones.names import OURS_ALONE, published_name
from engine.backbones.spm import SPM, SPMConfig
from engine.backbones.t2m_evaluator import T2MEvaluator, T2MEvaluatorConfig
from engine.backbones.tmr import TMR, TMRConfig
from engine.errors import StudioError

Kind = Literal["mld", "mldpp", "motionlcm", "mdm", "tmr", "t2m-evaluator", "spm"]
KINDS: tuple[Kind, ...] = get_args(Kind)
GENERATORS = ("mld", "mldpp", "motionlcm", "mdm")
FEATURES = (263, 251)  # of HumanML3D's 22 joints, of KIT-ML's 21
MOST_LAYERS = 64
HEADS = 4  # of every published model; no shape tells it
SHOWN = 8

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

# What stands beside the weights in published files, by the kind of file.
_WITH_EVALUATOR = r"t2m_(?:textencoder|moveencoder|motionencoder)\."
_IGNORED: dict[str, str] = {
    "mld": rf"(?:{_WITH_EVALUATOR}|denoiser\.mem_pos\.pe$|.*text_encoder)",
    "mldpp": rf"(?:{_WITH_EVALUATOR}|.*text_encoder)",
    "motionlcm": rf"(?:{_WITH_EVALUATOR}|denoiser\.mem_pos\.pe$|.*text_encoder)",
    "mdm": r"(?:clip_model\.|(?:embed_timestep\.)?sequence_pos_encoder\.pe$)",
    "tmr": r"(?:text_to_token_emb|text_to_sent_emb)\b",
    "t2m-evaluator": r"(?!(?:movement_encoder|motion_encoder|text_encoder)\.)",
    "spm": r"(?:xlm|clip|.*\bclip\b)",
}


@dataclass(frozen=True)
class Fit:
    """What a checkpoint and our networks make of each other, in published names."""

    missing: dict[str, Shape] = field(default_factory=dict)
    unexpected: dict[str, Shape] = field(default_factory=dict)
    wrong: dict[str, tuple[Shape, Shape]] = field(default_factory=dict)  # in the file, needed

    @property
    def good(self) -> bool:
        """Whether every tensor has its place."""
        return not (self.missing or self.unexpected or self.wrong)

    def words(self) -> Iterator[str]:
        """What does not fit, a line each."""
        for name, shape in _few(self.missing):
            yield f"missing: {name} {list(shape)}"
        for name, shape in _few(self.unexpected):
            yield f"not known: {name} {list(shape)}"
        for name, (found, needed) in _few(self.wrong):
            yield f"wrong shape: {name} is {list(found)}, needed {list(needed)}"
        hidden = sum(max(0, len(p) - SHOWN) for p in (self.missing, self.unexpected, self.wrong))
        if hidden:
            yield f"and {hidden} more"


def unwrap(kind: Kind, shapes: Mapping[str, Any]) -> dict[str, str]:
    """{name in the original's state dict: name in the file} of what counts, the rest left out.

    Files hold the state dict under "state_dict", "model_avg" or "model", in parts by network, or
    bare.
    """
    names = list(shapes)
    for outer in ("state_dict/", "model_avg/", "model/"):
        inside = {name.removeprefix(outer): name for name in names if name.startswith(outer)}
        if inside:
            break
    else:
        inside = {name.replace("/", ".", 1): name for name in names}
    ignored = re.compile(_IGNORED[kind])
    return {name: place for name, place in inside.items() if not ignored.match(name)}


def networks(kind: Kind, shapes: Shapes, mask_frames: bool = True) -> dict[str, nn.Module]:
    """Our networks in the sizes that the tensors show, on the meta device, by their prefix.

    `shapes` by the original's names. What the shapes do not tell is as published.
    """
    look = _Look(shapes)
    with torch.device("meta"):
        if kind == "mdm":
            return {"": MDM(_mdm_sizes(look, mask_frames))}
        if kind == "tmr":
            return {"": TMR(_tmr_sizes(look))}
        if kind == "t2m-evaluator":
            return {"": T2MEvaluator(_evaluator_sizes(look))}
        if kind == "spm":
            return {"": SPM(_spm_sizes(look))}
        vae, denoiser = _mld_sizes(kind, look)
        return {"vae.": MLDVAE(vae), "denoiser.": MLDDenoiser(denoiser)}


def compare(modules: Mapping[str, nn.Module], shapes: Shapes) -> Fit:
    """What is missing, not known or of another shape, in published names."""
    wanted = {
        prefix + published_name(name): tuple(value.shape)
        for prefix, module in modules.items()
        for name, value in module.state_dict().items()
        if name not in OURS_ALONE
    }
    return Fit(
        {name: shape for name, shape in wanted.items() if name not in shapes},
        {name: shape for name, shape in shapes.items() if name not in wanted},
        {name: (shapes[name], shape) for name, shape in wanted.items()
         if name in shapes and shapes[name] != shape},
    )  # fmt: skip


def convert(
    kind: Kind, tensors: Mapping[str, Tensor], mask_frames: bool = True
) -> dict[str, nn.Module]:
    """Our networks with a checkpoint's weights, by prefix; StudioError says what does not fit."""
    places = unwrap(kind, tensors)
    shapes = {name: tuple(tensors[place].shape) for name, place in places.items()}
    modules = networks(kind, shapes, mask_frames)
    fit = compare(modules, shapes)
    if not fit.good:
        other = kind_of(tensors)
        if other is not None:
            raise StudioError(f"The checkpoint is no {kind} but fits exactly: --kind {other}.")
        lines = "\n".join(f"  {line}" for line in fit.words())
        raise StudioError(f"The checkpoint is no {kind} as this program knows it:\n{lines}")
    for prefix, module in modules.items():
        config: Any = module.config
        made: nn.Module = type(module)(config)
        own = made.state_dict()
        made.load_state_dict({
            name: value if name in OURS_ALONE else tensors[places[prefix + published_name(name)]]
            for name, value in own.items()
        })  # fmt: skip
        modules[prefix] = made.eval().requires_grad_(False)
    return modules


def kind_of(tensors: Mapping[str, Tensor]) -> Kind | None:
    """The kind that a checkpoint fits without remainder, if there is one."""
    for kind in KINDS:
        places = unwrap(kind, tensors)
        shapes = {name: tuple(tensors[place].shape) for name, place in places.items()}
        if shapes and compare(networks(kind, shapes), shapes).good:
            return kind
    return None


def text_encoder(kind: Kind, names: Mapping[str, Any]) -> str:
    """The text encoder that the checkpoint was trained with."""
    if kind == "mdm":
        return "clip-vit-base-patch32"
    if kind == "tmr":
        return "distilbert-base-uncased"
    if kind == "spm":
        return "sentence-t5-large-tokens"
    # Only the first release has this unused table, and only it reads CLIP.
    first = any(name.endswith("denoiser.mem_pos.pe") for name in names)
    return "clip-vit-large-patch14" if kind == "mld" and first else "sentence-t5-large"


class _Look:
    """Sizes read off shapes; a tensor that is not there shows its published size."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes

    def size(self, name: str, axis: int, usual: int) -> int:
        shape = self.shapes.get(name, ())
        return shape[axis] if axis < len(shape) and shape[axis] > 0 else usual

    def features(self, name: str, axis: int, less: int = 0) -> int:
        """A number of features that a dataset has; published files have no other."""
        found = self.size(name, axis, FEATURES[0] - less) + less
        return found if found in FEATURES else FEATURES[0]

    def count(self, pattern: str, usual: int) -> int:
        """How many layers there are whose name matches, by their largest number."""
        found = [int(hit[1]) for hit in (re.match(pattern, name) for name in self.shapes) if hit]
        return min(max(found) + 1, MOST_LAYERS) if found else usual


def _stack(look: _Look, prefix: str, usual: int = 9) -> int:
    """Layers of a skip stack."""
    half = look.count(rf"{re.escape(prefix)}input_blocks\.(\d+)\.", (usual - 1) // 2)
    return 2 * half + 1


def _mld_sizes(kind: Kind, look: _Look) -> tuple[MLDVAEConfig, MLDDenoiserConfig]:
    projected = kind == "mldpp" or (
        kind == "motionlcm" and "denoiser.latent_pre.weight" in look.shapes
    )
    tokens = look.size("vae.global_motion_token", 0, 32 if projected else 2) // 2
    width = look.size("vae.global_motion_token", 1, 256)
    latent = look.size("vae.latent_pre.weight", 0, 32) if projected else width
    vae = MLDVAEConfig(
        tokens, latent, width, projected, _stack(look, "vae.encoder."), HEADS,
        look.size("vae.encoder.middle_block.linear1.weight", 0, 1024),
        look.features("vae.skel_embedding.weight", 1),
    )  # fmt: skip
    student = look.size("denoiser.time_embedding.cond_proj.weight", 1, 256)
    denoiser = MLDDenoiserConfig(
        tokens, latent, look.size("denoiser.encoder.norm.weight", 0, width), projected,
        _stack(look, "denoiser.encoder."), HEADS,
        look.size("denoiser.encoder.middle_block.linear1.weight", 0, 1024),
        look.size("denoiser.emb_proj.1.weight", 1, 768),
        look.size("denoiser.time_embedding.linear_1.weight", 1, 768),
        text_relu=not projected, guidance_dim=student if kind == "motionlcm" else 0,
    )  # fmt: skip
    return vae, denoiser


def _mdm_sizes(look: _Look, mask_frames: bool) -> MDMConfig:
    return MDMConfig(
        look.features("input_process.poseEmbedding.weight", 1),
        look.size("input_process.poseEmbedding.weight", 0, 512),
        look.count(r"seqTransEncoder\.layers\.(\d+)\.", 8), HEADS,
        look.size("seqTransEncoder.layers.0.linear1.weight", 0, 1024),
        look.size("embed_text.weight", 1, 512), mask_frames,
    )  # fmt: skip


def _tmr_sizes(look: _Look) -> TMRConfig:
    return TMRConfig(
        look.features("motion_encoder.projection.weight", 1),
        look.size("text_encoder.projection.weight", 1, 768),
        look.size("motion_encoder.tokens", 1, 256),
        look.count(r"motion_encoder\.seqTransEncoder\.layers\.(\d+)\.", 6), HEADS,
        look.size("motion_encoder.seqTransEncoder.layers.0.linear1.weight", 0, 1024),
    )  # fmt: skip


def _evaluator_sizes(look: _Look) -> T2MEvaluatorConfig:
    return T2MEvaluatorConfig(
        look.features("movement_encoder.main.0.weight", 1, less=4),
        look.size("movement_encoder.main.0.weight", 0, 512),
        look.size("movement_encoder.main.3.weight", 0, 512),
        look.size("motion_encoder.hidden", 2, 1024), look.size("text_encoder.hidden", 2, 512),
        look.size("motion_encoder.output_net.3.weight", 0, 512),
    )  # fmt: skip


def _spm_sizes(look: _Look) -> SPMConfig:
    return SPMConfig(
        look.features("skel_embedding.weight", 1), look.size("text_embedding.weight", 1, 1024),
        look.size("global_motion_token", 1, 256), _stack(look, "motion_encoder."), HEADS,
        look.size("motion_encoder.middle_block.linear1.weight", 0, 1024),
        look.size("time_embedding.linear_1.weight", 1, 512),
    )  # fmt: skip


def _few(part: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(part.items())[:SHOWN]

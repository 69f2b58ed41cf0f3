"""The reward: how well a motion, or a noisy latent of one, fits a text, as a cosine.

Two networks in one embedding space. MotionReward reads motion features and text, in the family of
TMR and ReAlign's step-aware retrieval model; LatentReward reads latents x_t without decoding them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, pad

from engine.checks import check_sizes
from engine.errors import StudioError
from engine.files import read_json, write_json
from engine.models.denoiser import Attention, FeedForward, rotary_angles, sinusoid
from engine.models.weights import file_sha256, load_weights, save_weights, write_manifest

FORMAT = "easytune-reward"
VERSION = 1
# Root and joint positions: all that a motion is drawn from. The other features (rotations, speeds,
# contacts) are not read, so that the reward cannot be raised by what nobody sees.
READ = 67
ROOT = 4  # of those, yaw, velocity and height of the root
NOISE = ("num_train_timesteps", "beta_schedule", "beta_start", "beta_end",
         "rescale_betas_zero_snr")  # fmt: skip
ROOT_GAIN = 3.0  # how much louder the root enters than its share of 4 in 67 channels
DROPOUT = 0.1


@dataclass(frozen=True)
class RewardConfig:
    """Sizes of both networks."""

    embedding: int = 192
    text_dim: int = 384
    text_width: int = 160
    text_layers: int = 2
    motion_width: int = 192
    motion_layers: int = 4
    motion_feed_forward: int = 448
    frames_per_patch: int = 4
    latent_dim: int = 32
    latent_width: int = 160
    latent_layers: int = 3
    heads: int = 4

    def __post_init__(self) -> None:
        check_sizes(self)
        for name in ("text_width", "motion_width", "latent_width"):
            if getattr(self, name) % (2 * self.heads):
                raise StudioError(f"The reward's {name} is no multiple of {2 * self.heads}.")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Block(nn.Module):
    """Pre-norm self-attention with rotary positions, and feed-forward."""

    def __init__(self, width: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm_ff = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, feed_forward)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor, mask: Tensor, rotary: Tensor) -> Tensor:
        h = self.norm_attention(x)
        x = x + self.dropout(self.attention(h, h, mask, rotary))
        return x + self.dropout(self.feed_forward(self.norm_ff(x)))


class Tower(nn.Module):
    """Tokens [B, N, inputs] -> unit vector [B, embedding]; reads the timestep where it has one."""

    def __init__(
        self, inputs: int, width: int, layers: int, feed_forward: int, config: RewardConfig,
        timed: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.heads, self.width = config.heads, width
        self.inp = nn.Linear(inputs, width)
        self.time = (
            nn.Sequential(nn.Linear(128, width), nn.SiLU(), nn.Linear(width, width))
            if timed
            else None
        )
        self.summary = nn.Parameter(0.02 * torch.randn(width))
        self.blocks = nn.ModuleList(Block(width, config.heads, feed_forward) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(2 * width, config.embedding)

    def forward(self, tokens: Tensor, mask: Tensor, timestep: Tensor | None = None) -> Tensor:
        """`mask` [B, N] marks real tokens; what stands in the others never matters."""
        real = mask[..., None]
        x = self.inp(torch.where(real, tokens, 0.0))
        first = self.summary.to(x.dtype).expand(len(x), 1, -1)
        x = torch.cat([first, x], dim=1)
        if self.time is not None and timestep is not None:
            x = x + self.time(sinusoid(timestep, 128))[:, None].to(x.dtype)
        seen = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
        rotary = rotary_angles(x.shape[1], self.width // self.heads, x.device)
        for block in self.blocks:
            x = block(x, seen, rotary)
        x = self.norm(x)
        mean = (x[:, 1:] * real).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
        pooled = torch.cat([x[:, 0], mean.to(x.dtype)], dim=-1)
        return normalize(self.out(pooled).float(), dim=-1)


class MotionReward(nn.Module):
    """Text and motion towers; the motion tower knows how noisy what it reads is."""

    feature_mean: Tensor
    feature_std: Tensor
    speed_std: Tensor

    def __init__(self, config: RewardConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RewardConfig()
        self.text = Tower(
            config.text_dim, config.text_width, config.text_layers, 2 * config.text_width, config,
            timed=False,
        )  # fmt: skip
        self.motion = Tower(
            config.frames_per_patch * (2 * READ - ROOT), config.motion_width, config.motion_layers,
            config.motion_feed_forward, config, timed=True,
        )  # fmt: skip
        self.register_buffer("feature_mean", torch.zeros(READ))
        self.register_buffer("feature_std", torch.ones(READ))
        self.register_buffer("speed_std", torch.ones(1))

    def embed_text(self, states: Tensor, mask: Tensor) -> Tensor:
        """Token states [B, L, text_dim] and their mask [B, L] -> unit vectors [B, embedding]."""
        return self.text(states, mask)

    def embed_motion(self, features: Tensor, mask: Tensor, timestep: Tensor) -> Tensor:
        """Unit vectors [B, embedding] of raw features [B, T, 263], metres at 20 fps.

        `mask` [B, T] marks real frames, which come first. `timestep` [B] says from which x_t the
        features were decoded; 0 means a clean motion. Only the first 67 features are read.
        """
        tokens, mask = self._patches(features, mask)
        return self.motion(tokens, mask, timestep)

    def _patches(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Positions and their change per frame, standardised, several frames to a token."""
        raw = features[..., :READ]
        joints = raw[..., ROOT:]
        moving = (mask[:, 1:] & mask[:, :-1])[..., None]
        speed = torch.where(moving, joints[:, 1:] - joints[:, :-1], 0.0) / self.speed_std
        place = torch.where(mask[..., None], (raw - self.feature_mean) / self.feature_std, 0.0)
        x = torch.cat([place, pad(speed, (0, 0, 1, 0))], dim=-1).clamp(-30.0, 30.0)
        size = self.config.frames_per_patch
        x = pad(x, (0, 0, 0, -x.shape[1] % size))
        return x.unflatten(1, (-1, size)).flatten(2), mask[:, ::size]


class LatentReward(nn.Module):
    """Reads x_t itself: no decoding, so a gradient costs little. Texts come from MotionReward."""

    def __init__(self, config: RewardConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RewardConfig()
        width = config.latent_width
        self.tower = Tower(
            config.latent_dim, width, config.latent_layers, 3 * width, config, timed=True
        )

    def embed_latent(self, z: Tensor, mask: Tensor, timestep: Tensor) -> Tensor:
        """Standardised latents x_t [B, N, latent_dim], mask [B, N], t [B] -> [B, embedding]."""
        return self.tower(z, mask, timestep)


@dataclass
class RewardModel:
    """Both networks, and the VAE and noise schedule that they were trained on."""

    motion: MotionReward
    latent: LatentReward
    vae_sha256: str = ""
    schedule: dict[str, Any] | None = None
    text_encoder: str = "all-MiniLM-L6-v2"

    def __post_init__(self) -> None:
        self.freeze()

    def freeze(self) -> RewardModel:
        """Evaluation mode, no gradients into the weights: the only way a reward is used."""
        for module in (self.motion, self.latent):
            module.eval().requires_grad_(False)
        return self

    @classmethod
    def from_pretrained(cls, folder: Path | str, device: torch.device | str = "cpu") -> RewardModel:
        """Load what `save_pretrained` wrote, frozen; StudioError says which file is wrong."""
        folder = Path(folder)
        if not (folder / "config.json").is_file():
            raise StudioError(f"{folder} holds no reward (config.json is missing).")
        config = read_json(folder / "config.json")
        if not isinstance(config, dict) or config.get("format") != FORMAT:
            raise StudioError(f"{folder}/config.json does not describe a reward.")
        if config.get("version") != VERSION:
            raise StudioError(
                f"{folder}/config.json is of version {config.get('version')}; this program reads "
                f"version {VERSION}. Update the program or train the reward again."
            )
        try:
            sizes = RewardConfig(**config["sizes"])
        except (KeyError, TypeError, StudioError) as error:
            raise StudioError(
                f"{folder}/config.json is incomplete or wrong ({error}). Copy the folder again."
            ) from error
        motion, latent = MotionReward(sizes), LatentReward(sizes)
        load_weights(motion, folder / "motion.safetensors")
        load_weights(latent, folder / "latent.safetensors")
        return cls(
            motion.to(device), latent.to(device), str(config.get("vae_sha256", "")),
            config.get("schedule"), str(config.get("text_encoder", cls.text_encoder)),
        )  # fmt: skip

    def save_pretrained(self, folder: Path | str) -> None:
        """Write config.json, both weights (fp16) and the manifest of their hashes."""
        folder = Path(folder)
        save_weights(self.motion, folder / "motion.safetensors", half=True)
        save_weights(self.latent, folder / "latent.safetensors", half=True)
        write_json(folder / "config.json", {
            "format": FORMAT,
            "version": VERSION,
            "sizes": self.motion.config.to_dict(),
            "vae_sha256": self.vae_sha256,
            "schedule": self.schedule,
            "text_encoder": self.text_encoder,
        })  # fmt: skip
        write_manifest(folder)

    def check_belongs(self, model: Path | str) -> None:
        """StudioError unless the model folder has the VAE and the noise the reward learned from.

        A flow's noise is translated (`engine.tuning.rewards.noise`), so its VAE decides.
        """
        weights = Path(model) / "vae.safetensors"
        if not weights.is_file():
            raise StudioError(f"{weights} is missing. Copy the model folder again.")
        config = read_json(Path(model) / "config.json")
        theirs = config.get("schedule") if isinstance(config, dict) else None
        flow = (theirs or {}).get("kind") == "flow"
        same_noise = flow or all(
            (self.schedule or {}).get(k) == (theirs or {}).get(k) for k in NOISE
        )
        if self.vae_sha256 != file_sha256(weights) or not same_noise:
            raise StudioError(
                f"The reward was trained for another VAE or noise schedule than that of {model}. "
                "Train one for it: python -m engine train reward --help"
            )

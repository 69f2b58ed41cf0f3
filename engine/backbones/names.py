"""What our networks' tensors are called in the published checkpoints."""

from __future__ import annotations

import re

# Ours -> published, applied in order; names that no line touches are the same in both.
_RULES = [
    (r"\bin_proj\.(weight|bias)$", r"in_proj_\1"),
    (r"^pose_embedding\.", "input_process.poseEmbedding."),
    (r"^pose_final\.", "output_process.poseFinal."),
    (r"^time_embed\.", "embed_timestep.time_embed."),
    (r"^blocks\.(\d+)\.", r"seqTransEncoder.layers.\1."),
    (r"^blocks\.", "encoder."),
    (r"^(motion_encoder|text_encoder)\.blocks\.", r"\1.seqTransEncoder.layers."),
    (r"^motion_decoder\.blocks\.", "motion_decoder.seqTransDecoder.layers."),
    (r"^pos_emb\.", "text_encoder.pos_emb."),
]
OURS_ALONE = ("feature_mean", "feature_std")  # statistics, which no checkpoint holds


def published_name(name: str) -> str:
    """The name in the original's state dict of what is called `name` in our network."""
    for pattern, replacement in _RULES:
        name = re.sub(pattern, replacement, name)
    return name

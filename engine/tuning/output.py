"""What a run leaves in its folder besides events: previews, checkpoints, the adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import StudioError
from engine.files import save_npz, write_bytes
from engine.models.adapter import save_adapter
from engine.tuning import checkpoint
from engine.tuning.assemble import Workshop
from engine.tuning.session import Session

RESERVE = "reserve.bin"  # room for the end of the run, given free when the disk is full
RESERVE_COPIES = 7.2  # a new state and a new good state of three copies each, and the adapter


class Output:
    """Writes into the folder of a session."""

    def __init__(self, shop: Workshop, session: Session) -> None:
        self.shop, self.session = shop, session
        self._good_at = -1

    def reserve(self) -> None:
        """Take room on the disk for the last checkpoint and the adapter."""
        size = sum(value.numel() for value in self.shop.parameters.values()) * 4
        write_bytes(self.session.folder / RESERVE, bytes(int(RESERVE_COPIES * size) + 500_000))

    def release(self) -> None:
        """Give that room back."""
        (self.session.folder / RESERVE).unlink(missing_ok=True)

    def preview(self, number: int) -> str | None:
        """Joints of the fixed prompts and seeds; None where the model makes no motions now."""
        shop = self.shop
        file = f"previews/{number:06d}.npz"
        prompts = [prompt for prompt, _ in shop.previews]
        asked = (
            [prompt.text for prompt in prompts],
            [prompt.seconds for prompt in prompts],
            [seed for _, seed in shop.previews],
        )
        try:
            if number == 0 and shop.problem.base is not None:
                with shop.problem.base():
                    motions = shop.pipeline(*asked)
            else:
                motions = shop.pipeline(*asked)
        except StudioError:  # motions that are no numbers: the next check will say so
            return None
        joints = {f"joints_{k}": m.joints.astype(np.float16) for k, m in enumerate(motions)}
        save_npz(self.session.folder / file, joints)
        return file

    def checkpoint(self, state: checkpoint.State, good: checkpoint.State | None) -> None:
        """Write the state, and the last good one where it is new.

        StudioError when the disk is full: the checkpoint before stays whole.
        """
        folder = self.session.folder
        checkpoint.save(state, folder / checkpoint.STATE)
        if good is not None and good.notes["passes"] != self._good_at:
            checkpoint.save(good, folder / checkpoint.GOOD)
            self._good_at = good.notes["passes"]

    def adapter(self, name: str, report: dict[str, Any] | None = None) -> Path:
        """Write the tuned adapter; with a report, its card says what was measured."""
        shop, folder = self.shop, self.session.folder / "adapter"
        card: dict[str, Any] = {
            "name": name,
            "base": {"id": shop.model.model_id, "hash": shop.base_hash},
            "config": shop.settings.to_dict(),
            "prompts": [prompt.text for prompt in shop.prompts.tuned],
            "reward": dict(shop.settings.reward),
            "updates": shop.learner.updates,
        }
        if report is not None:
            card["measured"] = {
                "held_out": shop.prompts.held_out,
                "reward": report["reward"],
                "checks": report["checks"],
                "comparison": report["comparison"],
            }
            card["words"] = report["words"]
        save_adapter(shop.model.denoiser, folder, card)
        return folder

"""Which device networks run on, checked before anything is loaded."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from engine.errors import StudioError


def pick_device(name: torch.device | str | None = None) -> torch.device:
    """The named device, or CUDA where there is one; StudioError when it does not work here."""
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type == "meta":
            raise RuntimeError("it computes nothing")
        torch.zeros(1, device=device)
    # torch raises AssertionError where it was built without the device's code.
    except (RuntimeError, AssertionError, ValueError, TypeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
        raise StudioError(
            f"The device {str(name)!r} cannot be used here ({reason}). Choose cpu, or cuda on a "
            "machine with an NVIDIA GPU and the CUDA build of PyTorch."
        ) from error
    return device


def exact_convolutions() -> AbstractContextManager[None]:
    """Convolutions in full float32 and the same way every time, also on CUDA.

    TF32, cuDNN's default there, moves joints by millimetres with the company in the batch.
    """
    return torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)

"""Which renderer draws: OpenGL where one test frame succeeds, else the software one."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any, Protocol

import numpy as np

from engine.errors import StudioError
from engine.render.scene import SceneFrame
from engine.render.software_backend import SoftwareRenderer

NAMES = ("auto", "pyrender", "software")
VARIABLE = "EASYTUNE_RENDERER"
INSTALL_HINT = "apt-get install -y --no-install-recommends libegl1 libgl1 libgl1-mesa-dri"


_OPENGL_LOCK = threading.Lock()


class Renderer(Protocol):
    """Turns scene frames into pictures; may be called from any thread."""

    name: str

    def frame(self, scene_frame: SceneFrame) -> np.ndarray:
        """The picture as uint8 [H,W,3]."""
        ...


def get_renderer(name: str = "auto") -> Renderer:
    """The renderer by name; "auto" follows EASYTUNE_RENDERER, then what works here.

    Raises StudioError for an unknown name, or for "pyrender" where OpenGL does not work.
    """
    wanted = _wanted() if name == "auto" else name
    if wanted not in NAMES:
        raise StudioError(f"Unknown renderer {wanted!r}; choose one of {', '.join(NAMES)}.")
    if wanted == "software":
        return _software()
    renderer, reason = _opengl()
    if renderer is not None:
        return renderer
    if wanted == "pyrender":
        raise StudioError(f"OpenGL rendering does not work here ({reason}). Try: {INSTALL_HINT}")
    return _software()


def backend_name() -> str:
    """Name of the renderer that "auto" means here."""
    return get_renderer("auto").name


def probe() -> dict[str, Any]:
    """What rendering looks like here, for doctor: `active`, `reason`, `hint` (a line to run, or
    empty) and `wanted`. Never raises."""
    wanted = _wanted()
    if wanted not in NAMES:
        return {"active": "software", "wanted": wanted, "hint": f"unset {VARIABLE}",
                "reason": f"{VARIABLE}={wanted} is not one of {', '.join(NAMES)}"}  # fmt: skip
    if wanted == "software":
        return {"active": "software", "wanted": wanted, "hint": "",
                "reason": f"chosen by {VARIABLE}"}  # fmt: skip
    renderer, reason = _opengl()
    active = "pyrender" if renderer is not None else "software"
    hint = "" if renderer is not None else INSTALL_HINT
    return {"active": active, "wanted": wanted, "reason": reason, "hint": hint}


def _wanted() -> str:
    return os.environ.get(VARIABLE, "").strip().lower() or "auto"


@cache
def _software() -> Renderer:
    return SoftwareRenderer()


def _opengl() -> tuple[Renderer | None, str]:
    # Two first calls at once must not make two contexts: one would break the other.
    with _OPENGL_LOCK:
        return _try_opengl()


@cache
def _try_opengl() -> tuple[Renderer | None, str]:
    """The OpenGL renderer after it drew one frame, or None and why not; tried once."""
    try:
        from engine.render.pyrender_backend import PyrenderRenderer

        renderer = PyrenderRenderer()
        return renderer, f"OpenGL works: {renderer.describe()}"
    # A missing libEGL shows as ImportError, AttributeError, OSError, GLError ... by version.
    except Exception as error:
        return (
            None,
            f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}",
        )

"""The choice of the renderer: what works, what the environment says, what doctor reports."""

from __future__ import annotations

import sys

import pytest

from engine.errors import StudioError
from engine.render import backend


@pytest.fixture
def fresh(monkeypatch):
    """Forget what was probed, before and after."""
    backend._try_opengl.cache_clear()
    yield monkeypatch
    backend._try_opengl.cache_clear()


def test_without_opengl_the_software_renderer_takes_over(fresh):
    fresh.delenv(backend.VARIABLE, raising=False)
    fresh.setitem(sys.modules, "engine.render.pyrender_backend", None)
    assert backend.backend_name() == "software"
    told = backend.probe()
    assert told["active"] == "software"
    assert "libegl1" in told["hint"]
    assert told["reason"]
    with pytest.raises(StudioError, match="libegl1"):
        backend.get_renderer("pyrender")


@pytest.mark.parametrize("error", [ImportError, AttributeError, OSError, RuntimeError])
def test_any_failure_of_the_first_frame_is_caught(fresh, error):
    from engine.render import pyrender_backend

    def fail(self):
        raise error("no display\nsecond line")

    fresh.delenv(backend.VARIABLE, raising=False)
    fresh.setattr(pyrender_backend._GlStage, "__init__", fail)
    assert backend.get_renderer().name == "software"
    assert backend.probe()["reason"] == f"{error.__name__}: no display"


def test_the_environment_chooses(fresh):
    fresh.setenv(backend.VARIABLE, " Software ")
    assert backend.backend_name() == "software"
    assert backend.probe()["hint"] == ""
    fresh.setenv(backend.VARIABLE, "vulkan")
    with pytest.raises(StudioError, match="vulkan"):
        backend.get_renderer()
    assert "vulkan" in backend.probe()["reason"]


def test_the_probe_runs_once(fresh):
    from engine.render import pyrender_backend

    made = []

    class Counted:
        name = "pyrender"

        def __init__(self):
            made.append(1)

        def describe(self):
            return "counted"

    fresh.delenv(backend.VARIABLE, raising=False)
    fresh.setattr(pyrender_backend, "PyrenderRenderer", Counted)
    assert [backend.backend_name() for _ in range(3)] == ["pyrender"] * 3
    assert backend.probe()["reason"] == "OpenGL works: counted"
    assert len(made) == 1


def test_importing_the_package_loads_no_opengl():
    import subprocess

    heavy = ("pyrender", "OpenGL", "trimesh", "scipy", "torch")
    code = f"import sys, engine.render.video; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

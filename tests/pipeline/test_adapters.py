"""Adapters on a pipeline: switched live, named in receipts, refused in words; found by name."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import StudioError
from engine.models.adapter import adapter_tensors, attach, save_adapter
from engine.models.registry import available_adapters, resolve_adapter
from engine.pipeline import MotionPipeline
from tests.tiny import FakeTextEncoder, load_tiny


@pytest.fixture
def shelf(tmp_path, tiny_model, monkeypatch):
    """A home with two adapters: adapters/kept and runs/first/adapter."""
    monkeypatch.setenv("EASYTUNE_HOME", str(tmp_path))
    for scale, folder in ((0.1, "adapters/kept"), (0.2, "runs/first/adapter")):
        pipeline = load_tiny(tiny_model)
        denoiser = pipeline.model.denoiser
        attach(denoiser, rank=2)
        for value in adapter_tensors(denoiser).values():
            value.data += scale
        save_adapter(denoiser, tmp_path / folder, {"base": {"id": pipeline.model_id}})
    return tmp_path


def joints(pipeline: MotionPipeline) -> np.ndarray:
    return pipeline(["a person walks"], 2.0, 3)[0].joints


def test_adapters_switch_live_and_back(shelf, tiny_model):
    pipeline = load_tiny(tiny_model)
    base, plain = joints(pipeline), pipeline.model_id
    seen = {plain: base}
    for name, strength in (("kept", 1.0), ("kept", 0.5), ("first", 1.0), ("first", 1.5)):
        pipeline.adapt(resolve_adapter(name), strength)
        assert pipeline.model_id.startswith(f"{plain}+{name}@")
        assert pipeline.model_id.endswith(f"x{strength:g}")
        motion = pipeline(["a person walks"], 2.0, 3)[0]
        assert motion.model == pipeline.model_id
        assert all(not np.array_equal(motion.joints, other) for other in seen.values())
        seen[pipeline.model_id] = motion.joints
    assert len(seen) == 5
    pipeline.adapt(resolve_adapter("kept"), 1.0)
    again = MotionPipeline.from_pretrained(
        tiny_model, "cpu", FakeTextEncoder(), resolve_adapter("kept")
    )
    assert again.model_id == pipeline.model_id
    assert np.array_equal(joints(again), joints(pipeline))
    pipeline.adapt(None)
    assert pipeline.model_id == plain
    assert np.array_equal(joints(pipeline), base)


def test_strength_zero_is_the_base(shelf, tiny_model):
    pipeline = load_tiny(tiny_model)
    base = joints(pipeline)
    pipeline.adapt(resolve_adapter("kept"), 0.0)
    assert np.allclose(joints(pipeline), base, atol=1e-5)


def test_a_refused_adapter_leaves_the_one_before(shelf, tiny_model):
    pipeline = load_tiny(tiny_model)
    pipeline.adapt(resolve_adapter("kept"))
    before, name = joints(pipeline), pipeline.model_id
    weights = shelf / "runs" / "first" / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(b"damaged")
    with pytest.raises(StudioError, match="damaged"):
        pipeline.adapt(resolve_adapter("first"))
    with pytest.raises(StudioError, match="strength"):
        pipeline.adapt(resolve_adapter("kept"), 2.0)
    assert pipeline.model_id == name
    assert np.array_equal(joints(pipeline), before)


def test_adapters_are_found_by_name_folder_and_run(shelf):
    assert available_adapters() == ["kept", "first"]
    assert resolve_adapter("first") == shelf / "runs" / "first" / "adapter"
    assert resolve_adapter(shelf / "adapters" / "kept") == shelf / "adapters" / "kept"
    assert resolve_adapter(shelf / "runs" / "first") == shelf / "runs" / "first" / "adapter"
    for name in ("absent", "", "..", "../kept", "\0", "x" * 5000):
        with pytest.raises(StudioError, match="kept, first"):
            resolve_adapter(name)

"""The line on top: name, and what is loaded where."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.engine_access import FAILED, READY, Engine
from app.lanes import Lane
from app.widgets import widget

_SHELL = "<header class='es-header'><h1>EasyTune Studio</h1><div class='es-right'></div></header>"


def header(engine: Engine, lane: Lane) -> gr.HTML:
    """The header component with its first value."""
    return widget("header", header_value(engine, lane), _SHELL, elem_id="header")


def header_value(engine: Engine, lane: Lane, tuning: bool = False) -> dict[str, Any]:
    """Device, model and status in the words of a person; `tuning` shares the machine's time."""
    status = engine.status
    text = status.text
    state = status.state
    if state == READY and lane.load:
        state, text = "busy", "generating" if lane.load == 1 else f"{lane.load - 1} waiting"
    elif state == FAILED:
        text = "not ready"
    if tuning and state != FAILED:
        state, text = "busy", f"{text}, slower while tuning"
    return {"device": status.device, "model": status.model, "status": text, "state": state}

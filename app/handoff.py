"""Leads from one tab to another: Compare with both sides chosen, Tune with a model chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from app.compare_inputs import BASE
from app.context import Context

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_TO_TOP = "() => window.scrollTo({ top: 0 })"
Wanted = tuple[str, str, float]  # adapter, prompt ("" keeps what is there), seconds


def lead_to_compare(
    context: Context, event: Any, choose: Callable[[dict[str, Any], gr.Request], Wanted | None]
) -> None:
    """After `event`, open Compare on what `choose(its data, request)` says; None changes nothing.

    To be called once all tabs are built.
    """
    if context.compare is None:
        return
    parts, work = context.compare

    def lead(event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        wanted = choose(event._data, request)
        if wanted is None:
            return gr.skip()  # an empty answer would be an error
        adapter, prompt, seconds = wanted
        names = context.engine.adapters()
        told: dict[Any, Any] = {
            context.tabs: gr.update(selected="compare"),
            parts.left.model: gr.update(choices=[BASE, *names], value=BASE),
            parts.right.model: gr.update(choices=[BASE, *names], value=adapter),
            parts.right.strength: gr.update(value=1.0, interactive=True),
            parts.blind: False,
        }
        if prompt:
            told |= {parts.prompt: prompt, parts.seconds: seconds}
        return told

    changed = [
        context.tabs, parts.left.model, parts.right.model, parts.right.strength, parts.blind,
        parts.prompt, parts.seconds,
    ]  # fmt: skip
    told = event(lead, None, changed, queue=False, **_QUIET)
    told.then(None, None, None, js=_TO_TOP).then(
        work.compare, parts.inputs(), parts.outputs(), concurrency_limit=None, **_QUIET
    )


def lead_to_tune(context: Context, event: Any, start: gr.Dropdown) -> None:
    """After `event`, open Tune with the model that its data names as the one to go on from."""

    def lead(event: gr.EventData) -> tuple[Any, Any]:
        names = context.engine.adapters()
        name = str(event._data.get("name", ""))
        chosen = gr.update(choices=[BASE, *names], value=name) if name in names else gr.update()
        return gr.update(selected="tune"), chosen

    told = event(lead, None, [context.tabs, start], queue=False, **_QUIET)
    told.then(None, None, None, js=_TO_TOP)

"""Leads from another tab to Compare with base and tuned model chosen, and compares at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from app.compare_inputs import BASE
from app.context import Context

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# As a person does it, so that the tab notices that it is opened.
_OPEN = """() => {
  document.getElementById("tab-compare-button").click();
  window.scrollTo({ top: 0, behavior: "smooth" });
}"""
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
            parts.left.model: gr.update(choices=[BASE, *names], value=BASE),
            parts.right.model: gr.update(choices=[BASE, *names], value=adapter),
            parts.right.strength: gr.update(value=1.0, interactive=True),
            parts.blind: False,
        }
        if prompt:
            told |= {parts.prompt: prompt, parts.seconds: seconds}
        return told

    changed = [
        parts.left.model, parts.right.model, parts.right.strength, parts.blind,
        parts.prompt, parts.seconds,
    ]  # fmt: skip
    told = event(lead, None, changed, queue=False, **_QUIET)
    told.then(None, None, None, js=_OPEN).then(
        work.compare, parts.inputs(), parts.outputs(), concurrency_limit=None, **_QUIET
    )

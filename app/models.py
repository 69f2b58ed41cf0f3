"""The Models tab: what is on it and which event calls what. The work is in models_work.py."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.context import Context
from app.models_work import ModelsParts, ModelsWork
from app.notes import IDLE
from app.widgets import widget

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def build_models(context: Context) -> ModelsWork:
    """Lay out the tab inside the current bar of tabs and wire its events."""
    with gr.Tab("Models", id="models", elem_id="tab-models") as tab:
        notice = widget("notice", IDLE, elem_id="models-notice")
        with gr.Row(elem_classes="es-models-bar"):
            upload = gr.UploadButton(
                "Import a model (.zip)", file_types=[".zip"], file_count="single",
                elem_id="models-import", size="sm", min_width=160, scale=0,
            )  # fmt: skip
            download = gr.DownloadButton(
                "Download", visible=False, size="sm", elem_id="models-download", min_width=160,
                scale=0,
            )  # fmt: skip
        cards = widget("models", {"items": []}, elem_id="models")
    work = ModelsWork(context, ModelsParts(notice, cards, download))
    free: dict[str, Any] = {"concurrency_limit": None, **_QUIET}
    shown = work.parts.all()
    tab.select(work.open, None, shown, queue=False, **_QUIET)
    cards.select(work.act, None, shown, **free)
    upload.upload(work.take_in, upload, shown, **free)
    return work

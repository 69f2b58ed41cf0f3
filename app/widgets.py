"""Custom components: a static shell each, filled by our own script with text never as HTML.

The shell holds no value on purpose: gradio evaluates templates as JavaScript, and a prompt such as
`${...}` in one would run. Values travel as data and reach the page through `textContent`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from app.settings import BUNDLES


def widget(name: str, value: Any, shell: str = "", **options: Any) -> gr.HTML:
    """A live part of the page drawn by the function `name` of the widgets bundle."""
    return gr.HTML(
        value,
        html_template=shell or "<div></div>",
        js_on_load=_loader(BUNDLES / "widgets.js", name),
        apply_default_css=False,
        elem_classes=["es-widget", f"es-{name}-host"],
        **options,
    )


def player(value: Any = None, **options: Any) -> gr.HTML:
    """The three.js motion player; its value comes from `app.scene.player_value`."""
    return _player("mount", value, **options)


def compare_player(value: Any = None, **options: Any) -> gr.HTML:
    """The player with two models; its value comes from `app.compare_scene.pair_value`."""
    return _player("mountCompare", value, **options)


def grid_player(value: Any = None, **options: Any) -> gr.HTML:
    """Many pairs in one canvas; its value comes from `app.pack_scene.grid_value`."""
    return _player("mountGrid", value, **options)


def tune_player(value: Any = None, **options: Any) -> gr.HTML:
    """The player of a model as it learns; its value comes from `app.tune_preview.value`."""
    return _player("mountTune", value, **options)


def _player(function: str, value: Any, **options: Any) -> gr.HTML:
    return gr.HTML(
        value,
        html_template="<div class='mp-host'></div>",
        js_on_load=_loader(BUNDLES / "player.js", function),
        apply_default_css=False,
        elem_classes=["es-widget", "es-player-host"],
        **options,
    )


def _loader(bundle: Path, function: str) -> str:
    """Script that imports our own bundle and starts one of its functions; says so if it cannot."""
    stamp = int(bundle.stat().st_mtime)
    address = json.dumps(f"gradio_api/file={bundle.as_posix()}?v={stamp}")
    sorry = json.dumps("This part of the page could not be loaded. Reload the page.")
    return f"""
        const api = {{ props, watch, trigger }};
        import(new URL({address}, document.baseURI).href)
          .then((module) => module.{function}(element.firstElementChild ?? element, api))
          .catch((error) => {{
            console.error(error);
            element.textContent = {sorry};
          }});
    """

"""Calm neutral surfaces in light and dark; the figure's colours are the renderer's own."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from engine.render import palette

STYLES = [Path(__file__).with_name(name) for name in ("style.css", "tune.css", "models.css")]
FIGURE_ROLES = ("torso", "pelvis", "joint", "head", "visor", "left", "right")
INK, INK_DARK = "#27364a", "#dbe3ee"


def studio_theme() -> gr.themes.Base:
    """The page's theme: system fonts, slate neutrals, ink buttons."""
    theme = gr.themes.Base(
        primary_hue="slate",
        secondary_hue="slate",
        neutral_hue="slate",
        radius_size="md",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    return theme.set(
        body_background_fill="#f3f5f8",
        body_background_fill_dark="#10151c",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#181f29",
        background_fill_secondary="#f7f9fb",
        background_fill_secondary_dark="#141a23",
        body_text_color="#1d2733",
        body_text_color_dark="#e3e9f1",
        body_text_color_subdued="#5b6878",
        body_text_color_subdued_dark="#97a5b8",
        block_background_fill="#ffffff",
        block_background_fill_dark="#181f29",
        block_border_color="#dfe5ec",
        block_border_color_dark="#29333f",
        border_color_primary="#dfe5ec",
        border_color_primary_dark="#29333f",
        block_shadow="none",
        block_radius="12px",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_title_text_weight="500",
        block_title_text_color="#5b6878",
        block_title_text_color_dark="#97a5b8",
        input_background_fill="#f7f9fb",
        input_background_fill_dark="#121821",
        input_border_color_focus="#64748b",
        input_border_color_focus_dark="#97a5b8",
        checkbox_border_color="#b4c0cd",
        checkbox_border_color_dark="#66758a",
        checkbox_background_color_dark="#121821",
        slider_color=INK,
        slider_color_dark=INK_DARK,
        button_primary_background_fill=INK,
        button_primary_background_fill_dark=INK_DARK,
        button_primary_background_fill_hover="#1a2635",
        button_primary_background_fill_hover_dark="#ffffff",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#10151c",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="#202936",
        button_secondary_background_fill_hover="#eef2f6",
        button_secondary_background_fill_hover_dark="#2a3543",
        button_secondary_border_color="#d4dce5",
        button_secondary_border_color_dark="#334052",
        button_border_width="1px",
        layout_gap="16px",
    )


def studio_css() -> str:
    """Variables shared by page and player, then the page's own rules."""
    return f":root {{\n{_figure_variables()}}}\n" + "".join(
        style.read_text(encoding="utf-8") for style in STYLES
    )


def _figure_variables() -> str:
    lines = [f"  --{name}: {value};\n" for name, value in palette.ACCENTS.items()]
    for name in palette.ACCENTS:
        roles = palette.roles(name)
        lines += [f"  --{name}-{role}: {_hex(roles[role])};\n" for role in FIGURE_ROLES]
    return "".join([*lines, f"  --left: {palette.LEFT};\n", f"  --right: {palette.RIGHT};\n"])


def _hex(colour: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in colour)

"""A page that was closed leaves nothing behind, in the app or in gradio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr


def leaving(page: gr.Blocks, leave: Callable[[gr.Request], None]) -> Callable[[gr.Request], None]:
    """The event of a page that closes: `leave`, then gradio's own part."""

    def left(request: gr.Request) -> None:
        leave(request)
        forget_session(page, request.session_hash)

    return left


def forget_session(page: gr.Blocks, session: str | None) -> None:
    """Drop gradio's copy of the page's components; it would keep those of 10,000 visits."""
    sessions: Any = page.state_holder
    with sessions.lock:
        sessions.session_data.pop(session, None)
        sessions.time_last_used.pop(session, None)

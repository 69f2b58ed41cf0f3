"""Builds the page out of its parts and serves it, to this machine only unless told otherwise."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from app.engine_access import Engine
from app.settings import BUNDLES, Settings
from app.visits import MOST_VISITS
from engine.errors import StudioError

log = logging.getLogger("easytune.page")

HOUR = 3600
KEEP_FILES = 6 * HOUR
LOOKS = 1.5  # seconds between two looks at the engine's status
MOST_QUEUED = 64
FOLDER = "easytune-page-"


def serve(settings: Settings) -> None:
    """Start the engine in the background, show the page, return when it is stopped."""
    level = logging.DEBUG if settings.verbose else logging.INFO
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("easytune").setLevel(level)
    engine = Engine(settings.model, settings.device, settings.renderer, body=settings.body)
    try:
        launch(engine, settings)
    except StudioError as error:
        raise SystemExit(str(error)) from error


def launch(engine: Any, settings: Settings, block: bool = True) -> Any:
    """Serve the page for `engine`; returns the running Blocks when not blocking."""
    folder = own_folder()
    if not (BUNDLES / "player.js").is_file():
        raise StudioError(
            f"The player is missing in {BUNDLES}. Run: npm ci && npm run build, in assets/viewer."
        )
    page = build(engine, folder / "results")

    from app.theme import studio_css, studio_theme

    page.queue(max_size=MOST_QUEUED, default_concurrency_limit=4, api_open=False)
    try:
        page.launch(
            server_name=settings.host,
            server_port=settings.port,
            root_path=settings.root_path or None,
            inbrowser=settings.open_browser,
            share=False,
            ssr_mode=False,
            prevent_thread_lock=True,
            show_error=False,
            quiet=True,
            max_file_size="64mb",
            state_session_capacity=MOST_VISITS,
            theme=studio_theme(),
            css=studio_css(),
            footer_links=[],
            run_history=False,
            favicon_path=str(BUNDLES.parent / "favicon.svg"),
        )
    except OSError as error:
        raise StudioError(
            f"Port {settings.port} on {settings.host} cannot be used. Close what uses it, or start "
            f"with another one: python app.py --port {settings.port + 1}"
        ) from error
    engine.start()  # only now: the page comes first, the model warms up behind it
    print(f"EasyTune Studio is at {page.local_url}", flush=True)
    if block:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the folder is deleted
        page.block_thread()
    return page


def build(engine: Any, results: Path) -> Any:
    """The gradio Blocks with every part in its place."""
    import gradio as gr

    from app.api import Api
    from app.body import PageBody
    from app.compare import build_compare
    from app.context import Context
    from app.generate import build_generate, offered
    from app.generate_work import GenerateWork
    from app.handoff import lead_to_compare, lead_to_tune
    from app.header import header, header_value
    from app.models import build_models
    from app.preferences import build_preferences
    from app.sequence import build_sequence
    from app.sessions import leaving
    from app.tune import build_tune
    from app.tune_process import Tuner
    from app.use_motion import UseWork
    from app.visits import Visits

    body = PageBody(getattr(engine, "body", None), results.parent / "body")
    gr.set_static_paths([BUNDLES, body.folder])
    context = Context(engine, Visits(results))
    work = GenerateWork(engine, context.visits, context.lane, context.film_lane)
    work.body = context.body = body
    with gr.Blocks(
        title="EasyTune Studio",
        analytics_enabled=False,
        delete_cache=(HOUR, KEEP_FILES),
        fill_width=True,
    ) as page:
        Api(work).publish()  # first, so that the public names are the plain ones
        top = header(engine, context.lane)
        tuner = Tuner(getattr(engine, "device", None), getattr(engine, "python", sys.executable))
        with gr.Tabs(selected="generate", elem_id="tabs") as context.tabs:
            first, model = build_generate(context, work)
            tune = build_tune(context, tuner)
            build_compare(context)
            votes = build_preferences(context, tuner)
            models = build_models(context)
            sequence = build_sequence(context)
        lead_to_compare(context, tune.parts.board.submit, tune.to_compare)
        lead_to_compare(context, models.parts.cards.submit, models.to_compare)
        gr.on(
            [page.load, first.select], lambda chosen: offered(engine, chosen), model, model,
            queue=False, show_progress="hidden", api_visibility="private",
        )  # fmt: skip
        if work.parts.use is not None:
            UseWork(context, work.parts.use, sequence, votes).wire()
        lead_to_tune(context, models.parts.cards.edit, tune.parts.wishes["start"])
        gr.Timer(LOOKS).tick(
            lambda: header_value(engine, context.lane, tuner.busy),
            None,
            top,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
        page.unload(leaving(page, work.leave))
    return page


def own_folder() -> Path:
    """A private folder for everything this run writes; it is deleted when the run ends.

    Must be called before gradio is imported, which reads its settings then. Folders of runs that
    were killed are removed as well.
    """
    place = Path(tempfile.gettempdir())
    for path in place.glob(f"{FOLDER}*"):
        owner = path.name.removeprefix(FOLDER).split("-")[0]
        if owner.isdigit() and not _alive(int(owner)):
            shutil.rmtree(path, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-", dir=place))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "gradio")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return folder


def _alive(process: int) -> bool:
    if os.name == "nt":  # there, signal 0 would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

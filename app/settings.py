"""What can be chosen when the page is started, and where its files lie."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKPOINTS = ROOT / "checkpoints"
PROMPTS = ROOT / "assets" / "prompts"
FAMILIARITY = ROOT / "assets" / "familiarity.npz"
LOOK = "body"  # what videos show; the player begins with it too
BUNDLES = ROOT / "assets" / "viewer" / "dist"


@dataclass(frozen=True)
class Settings:
    """Options of one run of the page."""

    host: str = "127.0.0.1"
    port: int = 7860
    model: str = "base"
    device: str | None = None
    renderer: str = "auto"
    body: Path | None = None
    open_browser: bool = False
    root_path: str = ""
    verbose: bool = False


def parse_arguments(arguments: Sequence[str] | None = None) -> Settings:
    """Settings from the command line; prints help and exits where asked or where wrong."""
    parser = argparse.ArgumentParser(
        prog="python app.py",
        description="EasyTune Studio: type a prompt, see the motion.",
    )
    parser.add_argument(
        "--host",
        default=Settings.host,
        help="address to listen on; anything but 127.0.0.1 lets other machines in (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--port", type=_port, default=Settings.port, help="port (default: %(default)s)"
    )
    parser.add_argument(
        "--model",
        default=Settings.model,
        help="model to start with: a name in checkpoints/ or a folder (default: %(default)s)",
    )
    parser.add_argument(
        "--device", help="where the model runs: cpu, cuda, cuda:1 (default: a GPU if there is one)"
    )
    parser.add_argument(
        "--renderer",
        choices=("auto", "pyrender", "software"),
        default=Settings.renderer,
        help="what draws the videos (default: OpenGL where it works, else software)",
    )
    parser.add_argument(
        "--body",
        type=Path,
        help="SMPL, SMPL+H or SMPL-X body to show, an .npz (default: the mannequin)",
    )
    parser.add_argument(
        "--open-browser", action="store_true", help="open the page in a browser once it is up"
    )
    parser.add_argument(
        "--root-path", default="", help="path prefix when a reverse proxy serves the page"
    )
    parser.add_argument("--verbose", action="store_true", help="log more")
    return Settings(**vars(parser.parse_args(arguments)))


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = 0
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return port

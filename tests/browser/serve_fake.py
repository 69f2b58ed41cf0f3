"""Serves the real page with a fake engine: `python -m tests.browser.serve_fake PORT key=value`."""

import sys
from typing import Any

from app.page import launch
from app.settings import Settings
from tests.app.fake_engine import FakeEngine


def main() -> None:
    port, *options = sys.argv[1:]
    values: dict[str, Any] = {}
    for option in options:
        key, _, value = option.partition("=")
        values[key] = float(value) if value.replace(".", "", 1).isdigit() else value
    if values.get("failure"):
        values["failure"] = RuntimeError(values["failure"])
    launch(FakeEngine(**values), Settings(port=int(port)))


if __name__ == "__main__":
    main()

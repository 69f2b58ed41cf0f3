"""A page without a browser: presses its buttons over HTTP and keeps every byte that came back."""

from __future__ import annotations

import json
import secrets
import urllib.request
from typing import Any


class Wire:
    """One visitor. `heard` is (what was asked, the whole answer with its headers), in order."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.session = secrets.token_hex(5)
        self.heard: list[tuple[str, str]] = []
        self._config = json.loads(self._fetch("config"))
        self._components = {one["id"]: one for one in self._config["components"]}
        self._values = {key: one["props"].get("value") for key, one in self._components.items()}

    def set(self, name: str, value: Any) -> None:
        """What a person puts into the component with this elem_id."""
        self._values[self._id(name)] = value

    def press(self, name: str, event: str, data: Any = None) -> dict[str, Any]:
        """Fire an event of a component; the values it left in the components, by elem_id."""
        wanted = [self._id(name), event]
        found = [one for one in self._config["dependencies"] if wanted in map(list, one["targets"])]
        for dependency in found:
            self._run(dependency, wanted[0], data)
        return self.values()

    def tick(self) -> None:
        """What an open page asks for by itself, every second or so."""
        for dependency in self._config["dependencies"]:
            for trigger, event in dependency["targets"]:
                if event == "tick":
                    self._run(dependency, trigger, None)

    def values(self) -> dict[str, Any]:
        """What every component with an elem_id holds now."""
        return {
            one["props"]["elem_id"]: self._values[key]
            for key, one in self._components.items()
            if one["props"].get("elem_id")
        }

    def _run(self, dependency: dict[str, Any], trigger: int, data: Any) -> None:
        body = {
            "data": [self._values[key] for key in dependency["inputs"]],
            "event_data": data, "fn_index": dependency["id"], "trigger_id": trigger,
            "session_hash": self.session,
        }  # fmt: skip
        self._fetch("gradio_api/queue/join", body)
        stream = self._fetch(f"gradio_api/queue/data?session_hash={self.session}")
        for line in stream.splitlines():
            if line.startswith("data:"):
                self._take(dependency, json.loads(line[5:]))

    def _take(self, dependency: dict[str, Any], message: dict[str, Any]) -> None:
        if message["msg"] not in ("process_generating", "process_completed"):
            return
        assert message["success"], message
        for key, value in zip(dependency["outputs"], message["output"]["data"], strict=False):
            if isinstance(value, dict) and value.get("__type__") == "update":
                if "value" in value:
                    self._values[key] = value["value"]
            elif not isinstance(value, list):  # lists are differences to the message before
                self._values[key] = value

    def _fetch(self, path: str, body: Any = None) -> str:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._address + path, data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read().decode("utf-8", errors="replace")
            self.heard.append((path, f"{answer.headers}\n{text}"))
        return text

    def file(self, path: str) -> None:
        """Download a file that the page points to."""
        self._fetch(f"gradio_api/file={path}")

    def _id(self, name: str) -> int:
        for key, one in self._components.items():
            if one["props"].get("elem_id") == name:
                return int(key)
        raise AssertionError(f"the page has no {name}")

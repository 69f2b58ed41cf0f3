"""Two visitors at once: neither is sent, or can touch, the other's prompts, files or votes."""

from __future__ import annotations

from engine.preference.store import Store
from tests.app.serving import fake_page
from tests.app.wire import Wire

SECRET = "zq-only-mine walks"


def work(wire: Wire) -> list[str]:
    """A visitor who generates, compares and votes; words that nobody else must be sent."""
    wire.set("prompt", SECRET)
    made = wire.press("generate", "click")
    wire.set("compare-prompt", f"{SECRET} compared")
    pair = wire.press("compare", "click")
    asked = wire.press("pref-next", "click")
    told = wire.press("pref-vote", "select", {"answer": "left"})
    assert told["pref-vote"]["state"] == "closed", told["pref-notice"]
    made_id, file = made["player"]["id"], made["download-npz-1"]["path"]
    return ["zq-only-mine", made_id, file, pair["compare-player"]["id"], asked["pref-player"]["id"]]


def test_visitors_do_not_meet(tmp_path):
    with fake_page(tmp_path, delay=0.0, video_seconds=0.01) as address:
        mine, theirs = Wire(address), Wire(address)
        secrets = work(mine)
        assert all(any(word in answer for _, answer in mine.heard) for word in secrets)

        for tab in ("tune", "compare", "preferences", "models"):
            theirs.press(f"tab-{tab}", "select")
        theirs.tick()
        assert theirs.press("tried", "click")["own-prompts"] in ("", None)
        asked = {"id": secrets[1]}
        assert "no longer kept" in theirs.press("history", "select", asked)["notice"]["text"]
        for name, event, data in (
            ("pref-vote", "select", {"answer": "right"}), ("pref-undo", "click", None)
        ):  # fmt: skip
            assert "There is no pair" in theirs.press(name, event, data)["pref-notice"]["text"]
        theirs.press("vote", "select", {"answer": "right"})
        theirs.press("cancel", "click")
        theirs.press("pref-next", "click")
        told = [(path, word) for path, answer in theirs.heard for word in secrets if word in answer]
        assert told == []

        kept = Store.open(tmp_path / "votes" / "votes.sqlite")
        assert [vote.choice for vote in kept.votes()] == ["left"]
        kept.close()
        assert mine.press("tried", "click")["own-prompts"] == SECRET
        assert mine.press("pref-undo", "click")["pref-vote"]["state"] == "open"

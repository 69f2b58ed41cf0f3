"""A whole run: its folder, its report, going on after a break, and what it says is missing."""

from __future__ import annotations

import json

import pytest
import torch

from engine.errors import StudioError
from engine.models.reward import RewardModel
from engine.preference import learn as module
from engine.preference.learn import learn
from engine.preference.plan import Request
from engine.tuning.rewards.taste import Taste
from engine.tuning.session import Session, read_events, status
from tests.preference.votes import fill, open_store
from tests.tiny import FakeTextEncoder

SHORT = 1 / 30  # minutes


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def voted(places, tmp_path_factory):
    folder = tmp_path_factory.mktemp("votes")
    fill(open_store(folder), 40)
    return str(folder / "votes.sqlite")


@pytest.fixture(scope="module")
def ran(places, voted, tmp_path_factory):
    output = tmp_path_factory.mktemp("learned") / "mine"
    request = Request(output, str(places.reward), str(places.model), places.corpus, voted, SHORT)
    return output, learn(request, quiet, FakeTextEncoder())


def test_the_reward_is_complete_and_fits_the_model(places, ran):
    output, report = ran
    reward = RewardModel.from_pretrained(output)
    reward.check_belongs(places.model)
    assert Taste.load(output) is not None
    assert json.loads((output / "session" / "report.json").read_text()) == json.loads(
        json.dumps(report)
    )
    agreed = report["votes"]["agreement"]
    assert report["votes"]["votes"] == 40 and report["votes"]["held_out"] > 0
    for one in agreed.values():
        assert 0 <= one["low"] <= one["share"] <= one["high"] <= 1
    assert report["words"] and status(output / "session") == "finished"


def test_events_tell_the_run(ran):
    kinds = [event["kind"] for event in read_events(ran[0] / "session")]
    assert kinds[-2:] == ["stopped", "report"] and "start" in kinds
    assert {"progress", "check"} <= set(kinds)


def test_a_run_goes_on_where_it_was(places, voted, tmp_path, monkeypatch):
    request = Request(
        tmp_path / "mine", str(places.reward), str(places.model), places.corpus, voted, SHORT
    )

    class Killed(BaseException):
        pass

    check = module._Loop._check

    def broken(self):
        check(self)
        raise Killed

    monkeypatch.setattr(module._Loop, "_check", broken)
    with pytest.raises(Killed):
        learn(request, quiet, FakeTextEncoder())
    monkeypatch.undo()
    events = read_events(tmp_path / "mine" / "session")
    done = [event["update"] for event in events if event["kind"] == "check"][-1]
    assert done > 0 and status(tmp_path / "mine" / "session") == "interrupted"
    with pytest.raises(StudioError, match="holds a run already"):
        learn(request, quiet, FakeTextEncoder())
    fill(open_store(tmp_path / "later"), 8)  # votes cast meanwhile do not enter
    again = Request(tmp_path / "mine", minutes=SHORT, resume=True)
    report = learn(again, quiet, FakeTextEncoder())
    start = [event for event in read_events(tmp_path / "mine" / "session")
             if event["kind"] == "start"][-1]  # fmt: skip
    assert start["resumed"] and start["update"] == done and report["updates"] >= done
    assert report["votes"]["votes"] == 40


def test_votes_alone_are_enough_and_what_is_missing_is_said(places, voted, tmp_path):
    said: list[str] = []
    request = Request(tmp_path / "mine", str(places.reward), str(places.model), None, voted, SHORT)
    report = learn(request, said.append, FakeTextEncoder())
    assert report["retrieval"] is None and any("No corpus" in line for line in said)
    assert any("both bad" in line for line in report["missing"])


def test_too_few_votes_are_said(places, tmp_path):
    fill(open_store(tmp_path), 4)
    request = Request(tmp_path / "mine", str(places.reward), str(places.model), None,
                      str(tmp_path / "votes.sqlite"), SHORT)  # fmt: skip
    report = learn(request, quiet, FakeTextEncoder())
    assert report["votes"]["held_out"] == 0
    assert any("too few to know" in line for line in report["words"])


def test_an_error_is_in_the_folder(places, tmp_path):
    request = Request(
        tmp_path / "mine", str(places.reward), str(places.model), tmp_path / "none", None, SHORT
    )
    with pytest.raises(StudioError, match="not a corpus"):
        learn(request, quiet, FakeTextEncoder())
    assert status(tmp_path / "mine" / "session") == "failed"


def test_requests_that_cannot_be_meant_are_refused(tmp_path):
    with pytest.raises(StudioError, match="nothing to learn from"):
        Request(tmp_path)
    with pytest.raises(StudioError, match="out of range"):
        Request(tmp_path, data=tmp_path, minutes=float("nan"))
    with pytest.raises(StudioError, match="no reward"):
        learn(Request(tmp_path / "x", "nowhere", data=tmp_path), quiet)


def test_a_stop_is_obeyed(places, voted, tmp_path, monkeypatch):
    orders = iter([None, "stop"])
    monkeypatch.setattr(Session, "command", lambda self: next(orders, None))
    request = Request(
        tmp_path / "mine", str(places.reward), str(places.model), None, voted, minutes=10
    )
    learn(request, quiet, FakeTextEncoder())
    stopped = [e for e in read_events(tmp_path / "mine" / "session") if e["kind"] == "stopped"]
    assert stopped[0]["reason"] == "asked"
    assert torch.load is not None

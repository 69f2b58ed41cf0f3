"""What the Preferences tab does: show pairs, keep votes, learn, tune, and the rematch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import errors, notes, preferences_scene
from app.compare_scene import pair_value
from app.context import Context
from app.engine_access import WARMING
from app.lanes import FAILED, Job
from app.preferences_engine import Keeper
from app.preferences_inputs import check_pack, make_question
from app.preferences_learn import Lesson, Lessons
from app.preferences_poll import Poll, Question
from app.tune_inputs import free_name
from app.tune_process import Tuner
from engine.errors import StudioError
from engine.models.registry import available_rewards, home
from engine.tuning.rewards.registry import FOLLOW, VOTES, VOTES_WEIGHT
from engine.tuning.settings import Settings

LOOK = 0.1  # seconds between two looks at a running job
FROM_VOTES = "votes-tuned"  # names of models that were tuned from this tab
Update = dict[Any, Any]
Values = dict[Any, Any]


@dataclass
class PreferenceParts:
    """The components of the tab."""

    source: gr.Radio
    models: gr.Column
    model: gr.Dropdown
    strengths: gr.Row
    low: gr.Slider
    high: gr.Slider
    pack: gr.Dropdown
    go: gr.Button
    notice: gr.HTML
    player: gr.HTML
    vote: gr.HTML
    reasons: gr.CheckboxGroup
    board: gr.HTML
    rate: gr.HTML
    learn: gr.Button
    tune: gr.Button
    rematch: gr.Button

    def inputs(self) -> set[Any]:
        """Everything a pair is chosen by."""
        return {self.source, self.model, self.low, self.high, self.pack}

    def shown(self) -> list[Any]:
        """Everything a new pair may change."""
        return [self.go, self.notice, self.player, self.vote, self.reasons, self.rate]

    def voted(self) -> list[Any]:
        """Everything a vote may change."""
        return [
            self.go,
            self.notice,
            self.player,
            self.vote,
            self.board,
            self.rate,
            *self.buttons(),
        ]

    def buttons(self) -> list[Any]:
        """What can be done with votes."""
        return [self.learn, self.tune, self.rematch]


class PreferenceWork:
    """Handlers of the tab; one object serves all visitors."""

    def __init__(
        self, context: Context, parts: PreferenceParts, keeper: Keeper, lessons: Lessons,
        tuner: Tuner,
    ) -> None:  # fmt: skip
        self._context, self.parts = context, parts
        self._keeper, self._lessons, self._tuner = keeper, lessons, tuner

    def next(self, values: Values, request: gr.Request) -> Iterator[Update]:
        """Make and show the next pair; always ends with a sentence."""
        parts, poll = self.parts, self._poll(request)
        try:
            question = self._question(values, poll.truths)
            poll.stop()
            job = poll.job = self._context.lane.submit(
                lambda job: poll.next(question, self._takes(job), self._keeper)
            )
        except StudioError as error:
            yield self._idle(notes.failed(errors.sentence(error)))
            return
        yield from self._follow(job)
        if job.cancelled():
            yield self._idle(notes.IDLE)
        elif job.state == FAILED and job.error:
            yield self._idle(notes.failed(errors.sentence(job.error)))
        else:
            shown = poll.shown = job.result
            prompt = shown.ballot.pair.prompt
            yield {
                **self._idle({"state": "done", "text": f"“{prompt}”"}),
                parts.player: pair_value(shown.ballot, self._context.body),
                parts.vote: preferences_scene.vote_value(shown.ballot),
                parts.reasons: [],
                parts.rate: self._rate(question),
            }

    def vote(self, event: gr.EventData, values: Values, request: gr.Request) -> Update:
        """Keep the answer, then tell who was who."""
        poll = self._poll(request)
        try:
            reasons = [str(one) for one in values[self.parts.reasons] or []]
            poll.voted(str(event._data.get("answer", "")), reasons, self._keeper)
        except (StudioError, OSError) as error:
            return {self.parts.notice: notes.failed(errors.sentence(error))}
        return self._after(poll)

    def undo(self, request: gr.Request) -> Update:
        """Take the last vote back; the pair is open again."""
        poll = self._poll(request)
        try:
            poll.undo(self._keeper)
        except (StudioError, OSError) as error:
            return {self.parts.notice: notes.failed(errors.sentence(error))}
        return self._after(poll)

    def switch(self, values: Values) -> Update:
        """Another kind of pairs was chosen: show what it needs."""
        source = values[self.parts.source]
        note = notes.IDLE
        if source != "seeds" and not self._context.engine.adapters():
            note = notes.failed("There is no tuned model yet. Tune one first, on the Tune tab.")
        return {**self._needs(source), self.parts.notice: note}

    def learn(self, request: gr.Request) -> Update:
        """Start learning from all votes there are."""
        try:
            if not self._keeper.store.votes():
                raise StudioError("There are no votes yet. Vote on a few pairs first.")
            self._lessons.launch(model=self._context.engine.models()[0])
        except (StudioError, OSError) as error:
            return {self.parts.notice: notes.failed(errors.sentence(error))}
        return {self.parts.notice: notes.IDLE, **self._learning(self._poll(request), force=True)}

    def act(self, event: gr.EventData, request: gr.Request) -> Update:
        """A button of the board."""
        try:
            if event._data.get("action") == "stop":
                self._lessons.stop()
        except (StudioError, OSError) as error:
            return {self.parts.notice: notes.failed(errors.sentence(error))}
        return {self.parts.notice: notes.IDLE, **self._learning(self._poll(request), force=True)}

    def look(self, request: gr.Request) -> Any:
        """What has changed in the learning since this visitor's last look."""
        return self._learning(self._poll(request)) or gr.skip()

    def open(self, values: Values, request: gr.Request) -> Update:
        """The tab was opened: everything anew."""
        names = self._context.engine.adapters()
        chosen = values[self.parts.model]
        value = chosen if chosen in names else names[0] if names else None
        return {
            self.parts.model: gr.update(choices=names, value=value),
            **self._learning(self._poll(request), force=True),
        }

    def tune(self, values: Values) -> Update:
        """Tune the base with what was learned last; the Tune tab follows it."""
        engine, learned = self._context.engine, available_rewards()
        try:
            if not learned:
                raise StudioError("Learn from your votes first.")
            settings = Settings(
                prompts=(check_pack(values[self.parts.pack]),), model=engine.models()[0],
                device=getattr(engine, "device", None), reward={FOLLOW: 1.0, VOTES: VOTES_WEIGHT},
                reward_model=learned[0],
            )  # fmt: skip
            name = free_name(FROM_VOTES, lambda one: (home() / "runs" / one).exists())
            self._tuner.launch(name, [*settings.command(), "--name", name])
        except (StudioError, OSError) as error:
            return {self.parts.notice: notes.failed(errors.sentence(error))}
        text = f"{name} is being tuned. When it is done, the blind rematch shows how much it won."
        return {self.parts.notice: {"state": "done", "text": text}}

    def rematch(self) -> Update:
        """Base against the model that was tuned by votes last, else the newest one."""
        names = self._context.engine.adapters()
        tuned = [name for name in names if name.startswith(FROM_VOTES)]
        chosen = next(iter(tuned or names), None)
        return {
            self.parts.source: "base-tuned",
            **self._needs("base-tuned"),
            self.parts.model: gr.update(choices=names, value=chosen),
            self.parts.notice: notes.IDLE,
        }

    def _after(self, poll: Poll) -> Update:
        """What a vote, or its undoing, changed."""
        assert poll.shown is not None
        ballot, parts = poll.shown.ballot, self.parts
        adapter = next((side.choice.label for side in ballot.sides if side.choice.adapters), "")
        return {
            parts.notice: {"state": "done", "text": f"“{ballot.pair.prompt}”"},
            parts.player: pair_value(ballot, self._context.body),
            parts.vote: preferences_scene.vote_value(ballot),
            parts.go: gr.update(value="Next pair" if ballot.answer else "Show another pair"),
            parts.rate: preferences_scene.rate_value(self._votes(), adapter.split(" × ")[0])
            if poll.shown.source == "base-tuned" else preferences_scene.NO_RATE,
            **self._learning(poll, force=True),
        }  # fmt: skip

    def _learning(self, poll: Poll, force: bool = False) -> Update:
        """Board and buttons; nothing where nothing has changed."""
        lesson = self._lessons.latest()
        stamp = _stamp(lesson)
        if not force and stamp == poll.told:
            return {}
        poll.told = stamp
        parts = self.parts
        try:
            stored = len(self._votes())
        except StudioError as error:
            return {
                parts.board: {"state": "failed", "text": str(error)}, parts.learn: gr.update(),
                parts.tune: gr.update(), parts.rematch: gr.update(),
            }  # fmt: skip
        busy = lesson is not None and lesson.busy
        return {
            parts.board: preferences_scene.board_value(poll, stored, lesson),
            parts.learn: gr.update(interactive=bool(stored) and not busy),
            parts.tune: gr.update(interactive=bool(available_rewards()) and not busy),
            parts.rematch: gr.update(interactive=bool(self._context.engine.adapters())),
        }

    def _votes(self) -> list[Any]:
        return self._keeper.store.votes()

    def _rate(self, question: Question) -> dict[str, Any]:
        if question.source != "base-tuned":
            return preferences_scene.NO_RATE
        return preferences_scene.rate_value(self._votes(), question.right.adapters[0][0])

    def _question(self, values: Values, truths: dict[str, Any]) -> Question:
        parts = self.parts
        return make_question(
            values[parts.source], values[parts.model], values[parts.low], values[parts.high],
            values[parts.pack], self._context.engine.adapters(), truths,
        )  # fmt: skip

    def _takes(self, job: Job) -> Any:
        engine = self._context.engine
        return lambda side, prompt, seconds, seeds: engine.takes(
            side, prompt, seconds, seeds, job.cancelled
        )

    def _follow(self, job: Job) -> Iterator[Update]:
        told: Any = None
        try:
            while not job.ended and not job.cancelled():
                warming = self._context.engine.status.state == WARMING
                note = notes.waiting(job, self._context.lane, warming)
                if note != told:
                    told = note
                    yield {self.parts.notice: note, self.parts.go: gr.update(interactive=False)}
                job.wait(LOOK)
        except GeneratorExit:  # the page was closed
            job.cancel()
            raise

    def _idle(self, note: dict[str, Any]) -> Update:
        return {
            self.parts.notice: note,
            self.parts.go: gr.update(value="Show another pair", interactive=True),
        }

    def _needs(self, source: Any) -> Update:
        return {
            self.parts.models: gr.update(visible=source != "seeds"),
            self.parts.strengths: gr.update(visible=source == "strengths"),
        }

    def _poll(self, request: gr.Request) -> Poll:
        visit = self._context.visits.of(request.session_hash)
        poll = visit.kept.setdefault("preferences", Poll(visit.voter))
        assert isinstance(poll, Poll)
        return poll


def _stamp(lesson: Lesson | None) -> tuple[Any, ...]:
    return () if lesson is None else (lesson.name, lesson.state, len(lesson.events))

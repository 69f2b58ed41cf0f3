"""The sentences the page says about running work, as values of the notice widget."""

from __future__ import annotations

from typing import Any

from app.lanes import Job, Lane
from app.visits import Result

IDLE: dict[str, Any] = {"state": "idle", "text": ""}
CANCELLED: dict[str, Any] = {
    "state": "cancelled",
    "text": "Cancelled. Change anything you like and press Generate again.",
}
CANCELLED_PAIR: dict[str, Any] = {
    "state": "cancelled",
    "text": "Cancelled. Change anything you like and press Compare again.",
}
IDLE_PAIR: dict[str, Any] = {
    "state": "idle",
    "text": "Both models get the same prompt and the same noise: what differs is the tuning.",
}
NO_TUNED: dict[str, Any] = {
    "state": "idle",
    "text": "There is no tuned model yet: make one on the Tune tab. Until then the base can be "
    "compared at two guidances, under More.",
}
NOT_LIVE: dict[str, Any] = {
    "state": "idle",
    "text": "Sliders do not move a blind pair: that would tell which side is which. Vote and take "
    "the tick off Blind, or press Compare for the next pair.",
}
CANCELLED_PACK: dict[str, Any] = {
    "state": "cancelled",
    "text": "Stopped. What was done is thrown away; press Whole pack to begin again.",
}
CANCELLED_SEQUENCE: dict[str, Any] = {
    "state": "cancelled",
    "text": "Cancelled. Change the timeline as you like and make the sequence again.",
}
VIDEO_CANCELLED: dict[str, Any] = {
    "state": "cancelled",
    "text": "The video was stopped. The player still shows the motion.",
}


def failed(sentence: str) -> dict[str, Any]:
    """Something went wrong; `sentence` says what to do."""
    return {"state": "failed", "text": sentence}


def waiting(job: Job, lane: Lane, warming: bool) -> dict[str, Any]:
    """Where a job stands: behind others, behind the warm-up, or running."""
    ahead = lane.ahead(job)
    if ahead:
        people = "1 request" if ahead == 1 else f"{ahead} requests"
        text = f"You are number {ahead + 1} in the queue; {people} before yours."
        return {"state": "queued", "text": text}
    if warming:
        text = "The model is still warming up; your motion starts by itself when it is ready."
        return {"state": "warming", "text": text}
    return {"state": "running", "text": "Generating…"}


def filming(job: Job, lane: Lane) -> dict[str, Any]:
    """Progress of a video."""
    if lane.ahead(job):
        return {"state": "queued", "text": f"The video waits for {lane.ahead(job)} others."}
    share = job.progress
    text = "Rendering the video…" if share is None else f"Rendering the video: {share:.0%}"
    return {"state": "running", "text": text, "progress": share}


def done(result: Result, seconds: float) -> dict[str, Any]:
    """What was made, and how long it took."""
    wish = result.wish
    count = "One motion" if wish.samples == 1 else f"{wish.samples} motions"
    return {
        "state": "done",
        "text": f"{count} of {wish.seconds:g} s in {seconds:.1f} s: “{wish.prompt}”",
    }


def compared(prompt: str, seconds: float) -> dict[str, Any]:
    """A pair is up."""
    return {"state": "done", "text": f"Both in {seconds:.1f} s: “{prompt}”"}


def packing(done: int, total: int, seconds: float, ahead: int) -> dict[str, Any]:
    """How far a whole pack is; `seconds` is how long it has taken until now."""
    text = f"Both models on {total} prompts: {done} done"
    if 0 < done < total:
        text += f", about {max(1, round(seconds / done * (total - done)))} s left"
    if ahead:
        text += f"; waiting for {ahead} before you"
    return {"state": "running", "text": f"{text}.", "progress": done / total}


def pack_done(total: int, seconds: float) -> dict[str, Any]:
    """A pack has ended."""
    return {"state": "done", "text": f"{total} prompts through both models in {seconds:.0f} s."}


def given(end: str) -> dict[str, Any]:
    """A motion now stands at an end of the timeline."""
    if end == "before":
        text = "Say what comes next, then make the sequence: it goes on from this motion."
    else:
        text = "Say what comes first, then make the sequence: it arrives at this motion."
    return {"state": "idle", "text": text}


def exporting(name: str) -> dict[str, Any]:
    """A file is being made."""
    return {"state": "running", "text": f"Making {name}…", "progress": None}

"""Named endpoints for programs (`gradio_client`); everything else the page does is private.

Every endpoint refuses bad input with the same sentences as the page.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from app import errors, scene
from app.commands import generate_line
from app.generate_work import GenerateWork, film_result
from app.inputs import check_prompt, make_wish
from app.lanes import Job
from app.visits import Result
from engine.errors import StudioError


class Api:
    """Blocking versions of the page's verbs."""

    def __init__(self, work: GenerateWork) -> None:
        self._work = work

    def publish(self) -> None:
        """Register the endpoints in the current Blocks."""
        gr.api(self.generate, api_name="generate", concurrency_limit=8)
        gr.api(self.render_video, api_name="render_video", concurrency_limit=4)
        gr.api(self.familiarity, api_name="familiarity", concurrency_limit=4)
        gr.api(self.status, api_name="status", queue=False)

    def generate(
        self,
        prompt: str,
        seconds: float = 4.0,
        seed: int = 0,
        samples: int = 1,
        guidance: float | None = None,
        steps: int | None = None,
        model: str | None = None,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> dict[str, Any]:
        """Generate motions; returns the result's id, one npz per sample and the command line.

        Each npz holds `joints` float32 [T, 22, 3] in metres at 20 fps, `fps`, `prompt` and `seed`.
        """
        engine = self._work.engine
        usual_guidance, usual_steps = engine.sampling()
        with _Sentences():
            wish = make_wish(
                prompt,
                seconds,
                seed,
                samples,
                usual_guidance if guidance is None else guidance,
                usual_steps if steps is None else steps,
                model or engine.models()[0],
            )
            job = self._work.lane.submit(lambda job: engine.generate(wish, job.cancelled))
            motions = _outcome(job)
            result = self._visit(request).add(wish, motions)
        return {
            "result": result.id,
            "motions": [_motion(result, k) for k in range(wish.samples)],
            "command": generate_line(wish),
        }

    def render_video(
        self,
        result: str,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> dict[str, Any]:
        """Render the MP4 of a result that `generate` returned in the same session."""
        with _Sentences():
            found = self._visit(request).get(str(result))
            if found.video is None:
                _outcome(
                    self._work.film_lane.submit(
                        lambda job: film_result(self._work.engine, found, job)
                    )
                )
        return _file(str(found.video))

    def familiarity(self, prompt: str) -> dict[str, Any]:
        """How near a prompt is to what the model was trained on: score 0..1, nearest phrases."""
        with _Sentences():
            text = check_prompt(prompt)
            self._work.engine.wait(lambda: False)
            familiar = self._work.engine.familiarity(text)
            if familiar is None:
                raise StudioError("The familiarity index is not loaded. Try again in a moment.")
        return {"score": familiar.score, "level": familiar.level, "nearest": list(familiar.near)}

    def status(self) -> dict[str, Any]:
        """Device, model, state, the models there are, and the number of jobs under way."""
        engine = self._work.engine
        status = engine.status
        return {
            "state": status.state,
            "text": status.text,
            "device": status.device,
            "model": status.model,
            "models": engine.models(),
            "jobs": self._work.lane.load,
        }

    def _visit(self, request: gr.Request | None) -> Any:
        return self._work.visits.of(request.session_hash if request else None)


class _Sentences:
    """Turns every exception of the block into a gr.Error that carries a sentence."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Exception) and not isinstance(error, gr.Error):
            raise gr.Error(errors.sentence(error), print_exception=False) from error


def _outcome(job: Job) -> Any:
    """Wait for a job; its result, or its error raised here."""
    while not job.wait(0.5):
        pass
    if job.error:
        raise job.error
    if job.cancelled():
        raise StudioError("Cancelled.")
    return job.result


def _motion(result: Result, index: int) -> dict[str, Any]:
    motion = result.motions[index]
    return {
        "label": scene.labels(result)[index],
        "seed": result.wish.seeds[index],
        "frames": len(motion.joints),
        "file": _file(str(result.files[index])),
    }


def _file(path: str) -> dict[str, Any]:
    return FileData(path=path).model_dump()

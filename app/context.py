"""What every tab is built with: the engine, the visits, the lanes, and the bar of tabs itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.lanes import Lane
from app.visits import Visits

if TYPE_CHECKING:
    from app.ballot import Vote
    from app.body import PageBody


@dataclass
class Context:
    """Shared by all tabs of one page.

    A tab is one function `build_NAME(context)` in a file of its own: it opens its own
    `gr.Tab(TITLE, id=NAME, elem_id="tab-NAME")`, lays itself out inside and wires its events.
    Whatever uses a model goes through `lane`, whatever renders a video through `film_lane`: then
    nobody waits for a motion because somebody else films. To lead from one tab to another, return
    `gr.Tabs(selected=NAME)` for `tabs`.
    """

    engine: Any
    visits: Visits
    tabs: Any = None
    on_vote: Callable[[Vote], None] | None = None  # called with every vote of the Compare tab
    body: PageBody | None = None  # shown in players; None: figures of rods and balls
    keeper: Any = None  # of votes; set by the Preferences tab
    compare: Any = None  # (parts, work) of the Compare tab, for other tabs that lead there
    lane: Lane = field(default_factory=lambda: Lane("generate"))
    film_lane: Lane = field(default_factory=lambda: Lane("film"))

"""The names of what is done (contents) and how it is done (styles), with their mirror twins."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import StudioError


@dataclass(frozen=True)
class Content:
    """One action of the vocabulary.

    family: locomotion, turn, gesture, fight, sport, acrobatics, dance, daily or floor.
    mirror: the label of the same motion with left and right exchanged.
    lower / upper: whether clips may lend legs / arms to a "while" composition.
    """

    label: str
    title: str
    family: str
    mirror: str
    lower: bool = False
    upper: bool = False


# label: (title, family, mirror twin where the words name a side; "" = symmetric, flags)
# flags: l = legs usable under another upper body, u = arms usable over other legs
_TABLE: tuple[tuple[str, str, str, str, str], ...] = (
    # Bandai-Namco
    ("walk", "walk forward", "locomotion", "", "l"),
    ("walk-back", "walk backward", "locomotion", "", "l"),
    ("walk-left", "walk diagonally left", "locomotion", "walk-right", "l"),
    ("walk-right", "walk diagonally right", "locomotion", "walk-left", "l"),
    ("walk-turn-left", "walk and turn left", "turn", "walk-turn-right", "l"),
    ("walk-turn-right", "walk and turn right", "turn", "walk-turn-left", "l"),
    ("run", "run", "locomotion", "", "l"),
    ("dash", "sprint", "locomotion", "", "l"),
    ("wave-left-hand", "wave the left hand", "gesture", "wave-right-hand", "u"),
    ("wave-right-hand", "wave the right hand", "gesture", "wave-left-hand", "u"),
    ("wave-both-hands", "wave both hands", "gesture", "", "u"),
    ("raise-up-left-hand", "raise the left hand", "gesture", "raise-up-right-hand", "u"),
    ("raise-up-right-hand", "raise the right hand", "gesture", "raise-up-left-hand", "u"),
    ("raise-up-both-hands", "raise both hands", "gesture", "", "u"),
    ("bow", "bow", "gesture", "", ""),
    ("bye", "wave goodbye", "gesture", "bye-mirrored", "u"),
    ("byebye", "wave goodbye with both hands", "gesture", "", "u"),
    ("guide", "show the way", "gesture", "guide-mirrored", "u"),
    ("call", "call out", "gesture", "", ""),
    ("respond", "raise the left hand to answer", "gesture", "respond-mirrored", "u"),
    ("punch", "punch", "fight", "", ""),
    ("kick", "high spinning kick, right leg", "fight", "kick-mirrored", ""),
    ("slash", "swing a sword down", "fight", "", ""),
    ("dance-short", "dance", "dance", "", ""),
    # HDM05
    ("deposit-floor", "put something on the floor", "daily", "deposit-floor-mirrored", ""),
    ("elbow-to-knee", "elbow to knee", "sport", "elbow-to-knee-mirrored", ""),
    ("grab-high", "grab at head height", "daily", "grab-high-mirrored", ""),
    ("hop", "hop forward", "sport", "", ""),
    ("jog-left-circle", "jog in a left curve", "turn", "jog-right-circle", "l"),
    ("jog-right-circle", "jog in a right curve", "turn", "jog-left-circle", "l"),
    ("kick-left-front", "front kick, left leg", "fight", "kick-right-front", ""),
    ("kick-right-front", "front kick, right leg", "fight", "kick-left-front", ""),
    ("lie-down", "lie down", "floor", "", ""),
    ("arm-circles-backward", "backward arm circles", "sport", "", "u"),
    ("sneak", "sneak", "locomotion", "", "l"),
    ("squat", "squat", "sport", "", ""),
    ("throw-basketball", "shoot a basketball", "sport", "", ""),
    # cmu-eval
    ("basketball-signals", "basketball referee signals", "sport", "", ""),
    ("direct-traffic", "direct traffic", "daily", "", ""),
    ("jump", "jump", "sport", "", ""),
    ("walk-turn", "walk and turn around", "turn", "", "l"),
    # DeepMimic
    ("backflip", "backflip", "acrobatics", "", ""),
    ("sideflip", "side flip", "acrobatics", "", ""),
    ("roll", "forward roll", "acrobatics", "", ""),
    ("cartwheel", "cartwheel", "acrobatics", "cartwheel-mirrored", ""),
    ("crawl", "crawl", "floor", "", ""),
    ("getup", "get up from the floor", "floor", "", ""),
    ("dance", "dance on the spot", "dance", "", ""),
    ("dance-spin", "dance turning right", "dance", "dance-spin-mirrored", ""),
    ("spin-in-place", "twirl left", "dance", "spin-in-place-mirrored", ""),
    ("spin-jump", "spinning jump", "acrobatics", "", ""),
    ("spinkick", "jumping spin kick, right leg", "fight", "spinkick-mirrored", ""),
    ("punch-right-hand", "punch with the right hand", "fight", "punch-left-hand", ""),
    ("punch-left-hand", "punch with the left hand", "fight", "punch-right-hand", ""),
    ("run-turn-left", "run and turn left", "turn", "run-turn-right", "l"),
    ("run-turn-right", "run and turn right", "turn", "run-turn-left", "l"),
    ("stealthy-walk", "stealthy walk", "locomotion", "", "l"),
    ("zombie-walk", "zombie walk", "locomotion", "", ""),
    # CMU
    ("balance", "jump and balance", "sport", "", ""),
    ("ballet", "ballet", "dance", "", ""),
    ("box", "shadow box", "fight", "", ""),
    ("climb", "climb about a playground", "daily", "", ""),
    ("climb-ladder", "climb a ladder", "daily", "", ""),
    ("climb-steps", "climb steps", "daily", "", ""),
    ("dribble", "dribble a basketball", "sport", "", ""),
    ("dribble-back", "dribble backward", "sport", "", ""),
    ("dribble-sideways", "dribble sideways", "sport", "", ""),
    ("dribble-shoot", "dribble and shoot", "sport", "", ""),
    ("drink", "drink from a bottle", "daily", "drink-mirrored", ""),
    ("exercise", "warm up", "sport", "", ""),
    ("jump-forward", "jump forward", "sport", "", ""),
    ("kick-ball", "kick a ball", "sport", "kick-ball-mirrored", ""),
    ("laugh", "laugh", "gesture", "", ""),
    ("mop", "mop the floor", "daily", "", ""),
    ("pick-up", "pick something up and lift it", "daily", "", ""),
    ("reach-up", "reach and jump up", "daily", "", ""),
    ("sit", "sit down", "daily", "", ""),
    ("sweep", "sweep the floor", "daily", "", ""),
    ("swordplay", "sword fight", "fight", "", ""),
    ("tai-chi", "tai chi", "sport", "", ""),
    ("walk-around", "walk about in all directions", "locomotion", "", "l"),
    ("walk-uneven", "walk over uneven ground", "locomotion", "", "l"),
    ("wash-self", "wash oneself", "daily", "", ""),
    ("wash-window", "wash a window", "daily", "", ""),
)


def _contents() -> dict[str, Content]:
    """The table with the twins that no data set names itself ("kick-mirrored") added."""
    from engine.data.captions.swap import swap_left_right

    found: dict[str, Content] = {}
    for label, title, family, mirror, flags in _TABLE:
        twin = mirror or label
        found[label] = Content(label, title, family, twin, "l" in flags, "u" in flags)
        if twin.endswith("-mirrored"):
            swapped = swap_left_right(title)
            found[twin] = Content(twin, swapped, family, label, "l" in flags, "u" in flags)
    return found


CONTENTS: dict[str, Content] = _contents()

# style: (title, names under which data sets publish it)
STYLES: dict[str, tuple[str, ...]] = {
    "neutral": ("normal", "none", ""),
    "active": ("energetic",),
    "angry": ("anger",),
    "childish": ("childlike",),
    "chimpira": ("thug",),
    "depressed": (),
    "elderly": (),
    "exhausted": (),
    "feminine": ("femininity", "female"),
    "giant": (),
    "happy": ("happiness",),
    "masculine": ("masculinity", "male"),
    "musical": (),
    "not-confident": ("shy", "not_confident"),
    "old": (),
    "proud": (),
    "sad": ("sadness",),
    "sexy": (),
    "strutting": ("strut",),
    "tired": (),
    "youthful": ("young",),
}

_STYLE_ALIASES = {alias: style for style, aliases in STYLES.items() for alias in aliases}


def canonical_style(name: str) -> str:
    """The key of STYLES for a published style name; raises StudioError for an unknown one."""
    key = name.strip().lower()
    key = _STYLE_ALIASES.get(key, key)
    if key not in STYLES:
        raise StudioError(f"Unknown style {name!r}. Known: {', '.join(STYLES)}.")
    return key


def mirror_label(content: str) -> str:
    """The label of the mirrored motion, for example wave-left-hand for wave-right-hand.

    Symmetric actions keep their label; actions published for one side only get a twin that
    ends in "-mirrored". Raises StudioError for an unknown label.
    """
    return content_of(content).mirror


def content_of(label: str) -> Content:
    """The entry of CONTENTS; raises StudioError for an unknown label."""
    if label not in CONTENTS:
        raise StudioError(f"Unknown action {label!r}; the captions package lists what is known.")
    return CONTENTS[label]

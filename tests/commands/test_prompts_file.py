"""generate --prompts: a file of prompts, and what is wrong with a line of it."""

from __future__ import annotations

import json

import pytest

from tests.commands.test_generate import PROMPT, check_npz, files

GOOD = {"id": "one", "prompt": PROMPT, "seconds": 1.5, "seed": 4}


@pytest.fixture
def ask(generate, tmp_path):
    """Write lines (values or raw text) to a file and generate from it."""

    def run(*lines, video=False, options=()):
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        (tmp_path / "prompts.jsonl").write_text("\n".join(texts), encoding="utf-8")
        return generate("--prompts", tmp_path / "prompts.jsonl", *options, video=video)

    return run


def test_each_line_makes_its_folder(ask, tmp_path):
    second = {"id": "take-2.b_C", "prompt": "  a person\tbows ", "seconds": 3, "seed": 2**40}
    done = ask(GOOD, "", second, "   ", options=["--json"])
    assert done.code == 0, done.err
    assert files(tmp_path / "out") == [
        f"{name}/{file}"
        for name in ("one", "take-2.b_C")
        for file in ("motion.npz", "receipt.json")
    ]
    check_npz(tmp_path / "out/one/motion.npz", 30, PROMPT, 4)
    check_npz(tmp_path / "out/take-2.b_C/motion.npz", 60, "a person bows", 2**40)
    entries = json.loads(done.out)["motions"]
    assert [entry["motion"] for entry in entries] == [
        str(tmp_path / "out" / name / "motion.npz") for name in ("one", "take-2.b_C")
    ]


def test_videos_too(ask, tmp_path):
    assert ask({**GOOD, "seconds": 1}, video=True).code == 0
    assert files(tmp_path / "out") == [
        "one/motion.mp4", "one/motion.npz", "one/receipt.json"
    ]  # fmt: skip


def test_what_a_line_leaves_out_comes_from_the_options(ask, tmp_path):
    done = ask({"id": 7, "prompt": PROMPT}, options=["--seconds", 2, "--seed", 9])
    assert done.code == 0, done.err
    check_npz(tmp_path / "out/7/motion.npz", 40, PROMPT, 9)


def test_line_separators_of_unicode_and_windows_and_a_mark_in_front(generate, tmp_path):
    lines = [json.dumps({"id": k, "prompt": f"walk\u2028on\x85 {k}", "seconds": 1},
                        ensure_ascii=False) for k in "ab"]  # fmt: skip
    text = "\ufeff" + "\r\n".join(lines) + "\r\n"
    (tmp_path / "prompts.jsonl").write_bytes(text.encode())
    assert generate("--prompts", tmp_path / "prompts.jsonl").code == 0
    check_npz(tmp_path / "out/b/motion.npz", 20, "walk on b", 0)


@pytest.mark.parametrize(
    "line",
    ["not json", "{", "[]", "3", "null", '"id"', "{}", '{"id": "x"}', '{"prompt": "walk"}',
     '{"id": "x", "prompt": "walk"} trailing', "[" * 50_000],
    ids=range(11),
)  # fmt: skip
def test_lines_that_are_no_requests(ask, tmp_path, line):
    said = ask(GOOD, line).sentence()
    assert "prompts.jsonl, line 2: Expected" in said
    assert len(said) < 500
    assert files(tmp_path) == ["prompts.jsonl"]


@pytest.mark.parametrize(
    "name",
    ["../x", "..", ".", "", "/etc/x", "a/b", "a\\b", "C:\\x", ".hidden", "a b", "a\nb", "a\0b",
     "x" * 101, "ä", "~", "$HOME", None, True, 1.5, ["a"], {"a": 1},],
    ids=range(21),
)  # fmt: skip
def test_ids_that_cannot_name_a_folder(ask, tmp_path, name):
    said = ask(GOOD, {**GOOD, "id": name}).sentence()
    assert "line 2: The id" in said
    assert "cannot name a folder" in said
    assert files(tmp_path) == ["prompts.jsonl"]


def test_ids_stand_once(ask, tmp_path):
    said = ask(GOOD, {**GOOD, "id": "two"}, GOOD).sentence()
    assert "line 3: The id 'one' stands twice." in said
    assert files(tmp_path) == ["prompts.jsonl"]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("prompt", "", "prompt is empty"),
        ("prompt", None, "A prompt is a text"),
        ("prompt", ["walk"], "A prompt is a text"),
        ("prompt", "\u0000", "prompt is empty"),
        ("prompt", "\ud800", "prompt is empty"),
        ("prompt", "w" * 10_000, "10,000 characters"),
        ("seconds", "4", "4 seconds cannot be generated"),
        ("seconds", None, "None seconds cannot be generated"),
        ("seconds", True, "True seconds cannot be generated"),
        ("seconds", float("nan"), "nan seconds cannot be generated"),
        ("seconds", float("inf"), "inf seconds cannot be generated"),
        ("seconds", 0.5, "0.5 seconds cannot be generated"),
        ("seed", -1, "seed -1 is not"),
        ("seed", 1.7, "seed 1.7 is not"),
        ("seed", "3", "seed 3 is not"),
        ("seed", True, "seed True is not"),
        ("seed", float("inf"), "seed inf is not"),
        ("seed", 2**63, "seed 9223372036854775808 is not"),
    ],
)
def test_values_that_make_no_sense(ask, tmp_path, field, value, sentence):
    """All lines are read before any work: one bad line at the end costs nobody an hour."""
    said = ask(*({**GOOD, "id": k} for k in range(70)), {**GOOD, field: value}).sentence()
    assert "prompts.jsonl, line 71: " in said
    assert sentence in said
    assert files(tmp_path) == ["prompts.jsonl"]


def test_files_without_prompts(ask, generate, tmp_path):
    assert "holds no prompts" in ask("").sentence()
    assert "cannot be read" in generate("--prompts", tmp_path / "none.jsonl").sentence()
    assert "cannot be read" in generate("--prompts", tmp_path).sentence()
    (tmp_path / "prompts.jsonl").write_bytes(b"\xff\xfe\x00bad")
    assert "cannot be read" in generate("--prompts", tmp_path / "prompts.jsonl").sentence()


def test_samples_do_not_go_with_a_file(ask):
    assert "--samples goes with a PROMPT" in ask(GOOD, options=["--samples", 3]).sentence()

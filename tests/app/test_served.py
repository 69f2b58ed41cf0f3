"""The page over HTTP: named endpoints, what is private, which files can be read, where it binds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request

import imageio.v3 as imageio
import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from app.settings import BUNDLES, ROOT
from tests.app.serving import fake_page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def address(folder):
    with fake_page(folder, delay=0.05, video_seconds=0.1) as place:
        yield place


@pytest.fixture
def client(address, tmp_path):
    return Client(address, verbose=False, download_files=str(tmp_path))


def test_endpoints_are_the_named_ones_and_no_others(client):
    named = set(client.view_api(return_format="dict")["named_endpoints"])
    assert named == {"/generate", "/render_video", "/familiarity", "/status"}
    assert client.view_api(return_format="dict")["unnamed_endpoints"] == {}


def test_generate_and_film_from_a_program(client):
    made = client.predict(
        prompt="a person walks", seconds=2.0, seed=5, samples=2, api_name="/generate"
    )
    assert [motion["seed"] for motion in made["motions"]] == [5, 6]
    assert "--seed 5 --samples 2" in made["command"]
    path = made["motions"][1]["file"]
    with np.load(path if isinstance(path, str) else path["path"]) as archive:
        assert archive["joints"].shape == (40, 22, 3)
        assert str(archive["prompt"]) == "a person walks"
    video = client.predict(result=made["result"], api_name="/render_video")
    assert len(imageio.imread(video if isinstance(video, str) else video["path"])) == 40


def test_defaults_are_enough(client):
    made = client.predict(prompt="wave", api_name="/generate")
    assert made["motions"][0]["frames"] == 80


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"prompt": ""}, "Describe a movement"),
        ({"prompt": "wave", "seconds": 99.0}, r"from 1 to 9\.8"),
        ({"prompt": "wave", "seed": -3}, "seed must be"),
        ({"prompt": "wave", "samples": 1000}, "number of samples"),
    ],
)
def test_programs_get_the_same_sentences(client, wrong, words):
    with pytest.raises(AppError, match=words):
        client.predict(**wrong, api_name="/generate")


def test_results_belong_to_their_session(client, address):
    made = client.predict(prompt="wave", api_name="/generate")
    stranger = Client(address, verbose=False)
    with pytest.raises(AppError, match="no longer kept"):
        stranger.predict(result=made["result"], api_name="/render_video")


def test_familiarity_and_status(client):
    assert client.predict(prompt="walk", api_name="/familiarity")["level"] == "well"
    status = client.predict(api_name="/status")
    assert status["state"] == "ready"
    assert status["models"] == ["base"]


@pytest.mark.parametrize("path", ["README.md", "app.py", "pyproject.toml", "engine/errors.py"])
def test_project_files_cannot_be_read(address, path):
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{address}gradio_api/file={ROOT / path}")
    assert error.value.code in (403, 404)


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", f"{BUNDLES}/../package.json"])
def test_other_files_cannot_be_read(address, path):
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{address}gradio_api/file={path}")
    assert error.value.code in (403, 404)


def test_the_page_names_no_outside_address_to_load_from(address):
    html = urllib.request.urlopen(address).read().decode()
    loads = re.findall(
        r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"'](https?://[^\"']+)", html
    )
    assert [place for place in loads if not place.startswith(address)] == []


def test_files_of_a_run_are_deleted_when_it_ends(tmp_path):
    with fake_page(tmp_path, delay=0.05) as place:
        Client(place, verbose=False).predict(prompt="wave", api_name="/generate")
        assert list(tmp_path.rglob("*.npz"))
    assert list(tmp_path.glob("easytune-*")) == []


def test_folders_of_killed_runs_are_removed_at_the_next_start(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    orphan = tmp_path / f"easytune-page-{ended.pid}-x"
    living = tmp_path / f"easytune-page-{os.getpid()}-x"
    for folder in (orphan, living):
        (folder / "results").mkdir(parents=True)
    with fake_page(tmp_path):
        assert not orphan.exists()
        assert living.exists()

"""The body in the player, downloads for other programs and opened files, in a real browser."""

from __future__ import annotations

from typing import Any

READY = '.mp[data-state="ready"]'
FIGURE = """() => {
  const player = document.querySelector(".mp").player;
  const [actor] = player.stage.actors;
  return [Boolean(actor.body?.group.visible), actor.figure.group.visible];
}"""


def shown(watched: Any) -> list[bool]:
    """Whether the first sample's body and figure are shown."""
    watched.drawn()
    found: list[bool] = watched.page.evaluate(FIGURE)
    return found


def test_body_skeleton_or_both(fake, visit):
    watched = visit(fake)
    page = watched.page
    watched.generate("walk")
    watched.expect(READY)
    watched.expect(".mp-look", state="visible")
    assert shown(watched) == [True, False]
    page.select_option(".mp-look", "both")
    assert shown(watched) == [True, True]
    page.select_option(".mp-look", "skeleton")
    assert shown(watched) == [False, True]
    page.focus(".mp")
    page.keyboard.press("b")
    assert page.get_attribute(".mp", "data-look") == "both"
    # The bones stand where the joints are, so the skin is posed and not just placed.
    apart = page.evaluate("""() => {
      const player = document.querySelector(".mp").player;
      player.playback.seek(40);
      player.stage.look = "body";
      player.stage.draw(40);
      const [actor] = player.stage.actors;
      actor.scene.updateMatrixWorld(true);
      const pose = actor.clip.poseAt(40);
      const [wrist, knee] = [20, 5].map((joint) => {
        const { x, y, z } = actor.body.bones[joint].getWorldPosition(actor.world.position.clone());
        const base = actor.world.position;
        return Math.hypot(x - base.x - pose[joint * 3], y - pose[joint * 3 + 1],
          z - base.z - pose[joint * 3 + 2]);
      });
      return Math.max(wrist, knee);
    }""")
    assert apart < 0.2  # metres: the stand-in is no natural body, a wrong pose would be further off
    assert watched.complaints == []
    assert watched.outside == []


def test_download_for_another_program_and_open_it_again(fake, visit, tmp_path):
    watched = visit(fake)
    page = watched.page
    watched.generate("walk")
    watched.expect(READY)
    page.click("#exports button")
    with page.expect_download(timeout=30_000) as download:
        page.click("#export-bvh")
    assert download.value.suggested_filename == "motion-1.bvh"
    assert "no joint is further off than" in page.inner_text("#export-notice .es-notice-text")
    path = tmp_path / "take.bvh"
    download.value.save_as(path)
    page.click("#open button")
    page.set_input_files("#open-file input[type=file]", path)
    watched.expect('#open-notice [data-state="done"]')
    page.wait_for_function("document.querySelector('.mp-label').innerText === 'take.bvh'")
    broken = tmp_path / "broken.bvh"
    broken.write_text("HIERARCHY")
    page.click('#open-file button[aria-label*="lear"], #open-file button[title*="lear"]')
    page.set_input_files("#open-file input[type=file]", broken)
    watched.expect('#open-notice [data-state="failed"]')
    assert watched.complaints == []

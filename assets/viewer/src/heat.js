// Numbers painted on the body: how far two bodies are apart, or where a reward would move one.
import { Color } from "three";
import { Figure } from "./figure.js";
import { BALLS, J, RODS } from "./skeleton.js";

// From "nothing here" to "much"; light to dark as well, so that it reads without colour.
const RAMP = ["#e8e4da", "#f4c95d", "#e8743b", "#a61c3c"].map((value) => new Color(value));
export const RAMP_CSS = "linear-gradient(to right, #e8e4da, #f4c95d, #e8743b, #a61c3c)";
// Which joint tells the heat of torso, pelvis, head, visor and the two hands (figure.js, EXTRAS).
const EXTRA_JOINTS = [J.spine3, J.pelvis, J.head, J.head, J.leftWrist, J.rightWrist];

/** Colour of a share 0..1. */
export function heatColour(share, into = new Color()) {
  const at = Math.min(1, Math.max(0, share)) * (RAMP.length - 1);
  const first = Math.min(RAMP.length - 2, Math.floor(at));
  return into.copy(RAMP[first]).lerp(RAMP[first + 1], at - first);
}

/** Distance of each joint in two poses [22 * 3] whose pelvises stand over the same spot, metres. */
export function apart(one, two, into) {
  const dx = one[0] - two[0];
  const dz = one[2] - two[2];
  for (let joint = 0; joint < into.length; joint += 1) {
    const at = joint * 3;
    into[joint] = Math.hypot(
      one[at] - two[at] - dx, one[at + 1] - two[at + 1], one[at + 2] - two[at + 2] - dz,
    );
  }
  return into;
}

/** A figure that can show one number per joint instead of its colours. */
export class HeatFigure extends Figure {
  paint(colours) {
    super.paint(colours);
    this.colours = colours;
    this.tinted = false;
  }

  /** @param {Float32Array | null} shares 0..1 per joint, or null for the figure's own colours */
  tint(shares) {
    if (!shares) {
      if (this.tinted && this.colours) this.paint(this.colours);
      return;
    }
    this.tinted = true;
    RODS.forEach(([from, to], i) => {
      this.rods.setColorAt(i, heatColour((shares[from] + shares[to]) / 2, colour));
    });
    BALLS.forEach(([joint], i) => this.balls.setColorAt(i, heatColour(shares[joint], colour)));
    EXTRA_JOINTS.forEach((joint, i) => {
      this.balls.setColorAt(BALLS.length + i, heatColour(shares[joint], colour));
    });
    this.rods.instanceColor.needsUpdate = true;
    this.balls.instanceColor.needsUpdate = true;
  }
}

const colour = new Color();

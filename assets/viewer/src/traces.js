// Footprints: where a toe was down, frame by frame, and red where it slid.
import { CircleGeometry, Color, InstancedMesh, Matrix4, MeshBasicMaterial } from "three";
import { J, N_JOINTS } from "./skeleton.js";

const DOWN = 0.05; // metres under which a toe is down
const SLIDING = 0.5; // m/s at which a toe that is down slides, as the measure "foot slide" has it
const PRINT = new CircleGeometry(0.032, 14).rotateX(-Math.PI / 2);
const SLID = "#d0342c";

/** Prints [{frame, x, z, side, slides}] of joints [frames * 22 * 3], in order of time. */
export function footprints(joints, frames, fps) {
  const prints = [];
  for (let frame = 0; frame + 1 < frames; frame += 1) {
    for (const [side, joint] of [["left", J.leftFoot], ["right", J.rightFoot]]) {
      const at = (frame * N_JOINTS + joint) * 3;
      const next = at + N_JOINTS * 3;
      if (joints[at + 1] >= DOWN || joints[next + 1] >= DOWN) continue;
      const speed = Math.hypot(joints[next] - joints[at], joints[next + 2] - joints[at + 2]) * fps;
      prints.push({ frame, x: joints[at], z: joints[at + 2], side, slides: speed > SLIDING });
    }
  }
  return prints;
}

/** The prints of one clip on the floor, shown as far as it has walked. */
export class Traces {
  constructor(clip) {
    this.prints = footprints(clip.joints, clip.frames, clip.fps);
    this.material = new MeshBasicMaterial({ transparent: true, opacity: 0.7, depthWrite: false });
    this.mesh = new InstancedMesh(PRINT, this.material, Math.max(1, this.prints.length));
    this.mesh.frustumCulled = false;
    this.mesh.renderOrder = -1;
    this.mesh.visible = false;
    const matrix = new Matrix4();
    this.prints.forEach(({ x, z, slides }, i) => {
      matrix.makeTranslation(x, slides ? 0.009 : 0.008, z);
      this.mesh.setMatrixAt(i, matrix);
    });
  }

  paint(family) {
    this.prints.forEach(({ side, slides }, i) => {
      this.mesh.setColorAt(i, new Color(slides ? SLID : family[side]));
    });
    if (this.mesh.instanceColor) this.mesh.instanceColor.needsUpdate = true;
  }

  update(position, visible) {
    this.mesh.visible = visible;
    const later = this.prints.findIndex((print) => print.frame > position);
    this.mesh.count = later < 0 ? this.prints.length : later;
  }

  dispose() {
    this.mesh.dispose();
    this.material.dispose();
  }
}

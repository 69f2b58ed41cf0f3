// Traces on the floor: the pelvis' path, and where a toe was down, red where it slid.
import {
  BufferAttribute, BufferGeometry, CircleGeometry, Color, DoubleSide, Group, InstancedMesh, Matrix4,
  Mesh, MeshBasicMaterial,
} from "three";
import { footprints } from "./footprints.js";
import { J, N_JOINTS } from "./skeleton.js";

const PRINT = new CircleGeometry(0.032, 14).rotateX(-Math.PI / 2);
const SLID = "#d0342c";
const RIBBON = 0.011; // half the width of the path in metres

/** Corners [frames * 2 * 3] of a flat band along the pelvis' own path (not the camera's). */
export function ribbon(joints, frames) {
  const corners = new Float32Array(frames * 6);
  const at = (frame) => Math.min(frames - 1, Math.max(0, frame)) * N_JOINTS * 3 + J.pelvis * 3;
  for (let frame = 0; frame < frames; frame += 1) {
    const [before, here, after] = [at(frame - 1), at(frame), at(frame + 1)];
    const dx = joints[after] - joints[before];
    const dz = joints[after + 2] - joints[before + 2];
    const long = Math.hypot(dx, dz) || 1;
    const [sideX, sideZ] = [(RIBBON * dz) / long, (-RIBBON * dx) / long];
    corners.set([
      joints[here] + sideX, 0.007, joints[here + 2] + sideZ,
      joints[here] - sideX, 0.007, joints[here + 2] - sideZ,
    ], frame * 6);
  }
  return corners;
}

/** Path and prints of one clip on the floor, shown as far as it has walked. */
export class Traces {
  constructor(clip) {
    this.clip = clip;
    this.group = new Group();
    this.group.visible = false;
    this.prints = [];
    this.mesh = new InstancedMesh(PRINT, flat(0.8), 2 * clip.frames); // two feet a frame
    this.path = new Mesh(band(clip.frames), flat(0.75));
    for (const part of [this.path, this.mesh]) {
      part.frustumCulled = false;
      part.renderOrder = -1;
      this.group.add(part);
    }
  }

  /** Traces of the joints the clip has now: another denoising step walks elsewhere. */
  place() {
    this.joints = this.clip.joints;
    this.prints = footprints(this.joints, this.clip.frames, this.clip.fps);
    const matrix = new Matrix4();
    this.prints.forEach(({ x, z, slides }, i) => {
      matrix.makeTranslation(x, slides ? 0.009 : 0.008, z);
      this.mesh.setMatrixAt(i, matrix);
    });
    this.mesh.instanceMatrix.needsUpdate = true;
    const { position } = this.path.geometry.attributes;
    position.array.set(ribbon(this.joints, this.clip.frames));
    position.needsUpdate = true;
    if (this.family) this.paint(this.family);
  }

  paint(family) {
    this.family = family;
    this.path.material.color.set(family.accent);
    this.prints.forEach(({ side, slides }, i) => {
      this.mesh.setColorAt(i, new Color(slides ? SLID : family[side]));
    });
    if (this.mesh.instanceColor) this.mesh.instanceColor.needsUpdate = true;
  }

  update(position, visible) {
    this.group.visible = visible;
    if (!visible) return;
    if (this.joints !== this.clip.joints) this.place();
    const later = this.prints.findIndex((print) => print.frame > position);
    this.mesh.count = later < 0 ? this.prints.length : later;
    this.path.geometry.setDrawRange(0, 6 * Math.floor(Math.min(position, this.clip.frames - 1)));
  }

  dispose() {
    this.mesh.dispose();
    this.path.geometry.dispose();
    for (const part of [this.path, this.mesh]) part.material.dispose();
  }
}

function flat(opacity) {
  return new MeshBasicMaterial({ transparent: true, opacity, depthWrite: false, side: DoubleSide });
}

/** A strip of quads, two triangles from each frame to the next. */
function band(frames) {
  const index = [];
  for (let frame = 0; frame + 1 < frames; frame += 1) {
    const k = 2 * frame;
    index.push(k, k + 1, k + 2, k + 1, k + 3, k + 2);
  }
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(new Float32Array(frames * 6), 3));
  return geometry.setIndex(index);
}

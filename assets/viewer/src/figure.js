// A mannequin: rods, balls and three ellipsoids, each kind drawn by one instanced mesh.
import {
  Color, CylinderGeometry, DynamicDrawUsage, Group, InstancedMesh, Matrix4, MeshStandardMaterial,
  Quaternion, SphereGeometry, Vector3,
} from "three";
import { BALLS, J, RODS } from "./skeleton.js";
import { ROLES } from "./theme.js";

const UP = new Vector3(0, 1, 0);
const ROD = new CylinderGeometry(0.76, 1, 1, 14, 1, true); // y = +0.5 is the far, thinner end
const BALL = new SphereGeometry(1, 18, 12);
const BONE = 0.015; // metres, radius of a thin figure's bones
const EXTRAS = ["torso", "pelvis", "head", "visor", "left", "right"]; // the last two are hands

export class Figure {
  constructor(opacity = 1) {
    this.material = new MeshStandardMaterial({
      roughness: 0.62, metalness: 0, transparent: opacity < 1, opacity, depthWrite: opacity > 0.5,
    });
    this.rods = new InstancedMesh(ROD, this.material, RODS.length);
    this.balls = new InstancedMesh(BALL, this.material, BALLS.length + EXTRAS.length);
    this.thin = false; // bones only, to stand inside a body
    this.group = new Group();
    for (const mesh of [this.rods, this.balls]) {
      mesh.instanceMatrix.setUsage(DynamicDrawUsage);
      mesh.frustumCulled = false;
      this.group.add(mesh);
    }
  }

  /** @param {Record<string, string>} colours one CSS colour per role, see theme.js */
  paint(colours) {
    const parsed = Object.fromEntries(
      ROLES.map((role) => [role, new Color(colours[role])]),
    );
    RODS.forEach((rod, i) => this.rods.setColorAt(i, parsed[rod[3]]));
    BALLS.forEach((ball, i) => this.balls.setColorAt(i, parsed[ball[2]]));
    EXTRAS.forEach((role, i) => this.balls.setColorAt(BALLS.length + i, parsed[role]));
    this.rods.instanceColor.needsUpdate = true;
    this.balls.instanceColor.needsUpdate = true;
  }

  /** @param {Float32Array} pose joint positions [22 * 3] in metres */
  pose(pose) {
    RODS.forEach(([from, to, radius], i) => {
      const width = this.thin ? BONE : radius;
      this.rods.setMatrixAt(i, rodMatrix(point(pose, from), point(pose, to), width));
    });
    BALLS.forEach(([joint, radius], i) => {
      const width = this.thin ? 1.5 * BONE : radius;
      matrix.makeScale(width, width, width).setPosition(point(pose, joint));
      this.balls.setMatrixAt(i, matrix);
    });
    this.balls.count = BALLS.length + (this.thin ? 0 : EXTRAS.length);
    if (!this.thin) this.poseExtras(pose);
    this.rods.instanceMatrix.needsUpdate = true;
    this.balls.instanceMatrix.needsUpdate = true;
  }

  poseExtras(pose) {
    const p = (joint) => point(pose, joint);
    const chestUp = p(J.neck).sub(p(J.spine2));
    const chestSide = p(J.leftShoulder).sub(p(J.rightShoulder));
    const chest = p(J.spine3).lerp(p(J.neck), 0.25);
    const hipSide = p(J.leftHip).sub(p(J.rightHip));
    const hipUp = p(J.spine1).sub(p(J.pelvis));
    const headUp = p(J.head).sub(p(J.neck));
    const head = p(J.head).addScaledVector(headUp.clone().normalize(), 0.055);
    const shapes = [
      [chest, chestSide, chestUp, [0.172, 0.175, 0.118]],
      [p(J.pelvis).lerp(p(J.spine1), -0.2), hipSide, hipUp, [0.143, 0.108, 0.112]],
      [head, chestSide, headUp, [0.085, 0.116, 0.1]],
    ];
    shapes.forEach(([at, side, up, size], i) => this.ellipsoid(i, at, side, up, size));
    const { x, y, z } = basis(chestSide, headUp);
    const visor = head.clone().addScaledVector(z, 0.062).addScaledVector(y, 0.014);
    this.ellipsoid(3, visor, x, y, [0.06, 0.027, 0.05]);
    [[J.leftElbow, J.leftWrist], [J.rightElbow, J.rightWrist]].forEach(([elbow, wrist], i) => {
      const along = p(wrist).sub(p(elbow)).normalize();
      const hand = p(wrist).addScaledVector(along, 0.05);
      this.ellipsoid(4 + i, hand, chestSide, along, [0.042, 0.085, 0.034]);
    });
  }

  ellipsoid(index, at, side, up, size) {
    const { x, y, z } = basis(side, up);
    matrix.makeBasis(x.multiplyScalar(size[0]), y.multiplyScalar(size[1]), z.multiplyScalar(size[2]));
    matrix.setPosition(at);
    this.balls.setMatrixAt(BALLS.length + index, matrix);
  }

  dispose() {
    this.rods.dispose();
    this.balls.dispose();
    this.material.dispose();
  }
}

const matrix = new Matrix4();
const turn = new Quaternion();

function point(pose, joint) {
  return new Vector3(pose[joint * 3], pose[joint * 3 + 1], pose[joint * 3 + 2]);
}

function rodMatrix(from, to, radius) {
  const along = to.clone().sub(from);
  const length = Math.max(1e-5, along.length());
  turn.setFromUnitVectors(UP, along.divideScalar(length));
  return matrix.compose(from.add(to).multiplyScalar(0.5), turn, new Vector3(radius, length, radius));
}

/** Right-handed frame whose y is `up` and whose x leans to `side`; safe for degenerate input. */
function basis(side, up) {
  const y = up.lengthSq() > 1e-10 ? up.clone().normalize() : UP.clone();
  let z = side.clone().cross(y);
  if (z.lengthSq() < 1e-10) z = new Vector3(0, 0, 1).cross(y).cross(y).negate();
  if (z.lengthSq() < 1e-10) z = new Vector3(0, 0, 1);
  z.normalize();
  return { x: y.clone().cross(z).normalize(), y, z };
}

// A skinned person: one mesh bound to the 22 joints, turned by rotations the server sends.
import {
  Bone, BufferAttribute, BufferGeometry, Color, Group, Matrix4, MeshPhysicalMaterial,
  Skeleton, SkinnedMesh, Uint16BufferAttribute, Vector3,
} from "three";
import { N_JOINTS, PARENTS } from "./skeleton.js";
import { TURN } from "./turns.js";

const REGIONS = ["head", "left", "right"]; // painted over the suit, by vertex
const loaded = new Map();

/** The body at an address, read once per page; see app/body.py for the layout of the file. */
export function loadBody(address) {
  if (!loaded.has(address)) {
    const reading = fetch(new URL(address, document.baseURI)).then((answer) => {
      if (!answer.ok) throw new Error(`The body could not be loaded (${answer.status}).`);
      return answer.arrayBuffer();
    }).then(parseBody);
    reading.catch(() => loaded.delete(address));
    loaded.set(address, reading);
  }
  return loaded.get(address);
}

/** Header length, header in JSON, then the arrays it names, each starting at a multiple of 4. */
export function parseBody(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const kinds = { float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array };
  const start = 4 + length;
  return Object.fromEntries(header.arrays.map(({ name, kind, offset, count }) => (
    [name, new kinds[kind](buffer, start + offset, count)]
  )));
}

export class BodyFigure {
  /** @param {object} body what `loadBody` gave */
  constructor(body) {
    this.regions = body.regions;
    this.material = new MeshPhysicalMaterial({
      roughness: 0.58, metalness: 0, sheen: 0.35, sheenRoughness: 0.6, vertexColors: true,
    });
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(body.vertices, 3));
    geometry.setAttribute("normal", new BufferAttribute(body.normals, 3));
    geometry.setAttribute("skinIndex", new Uint16BufferAttribute(body.joints, 4));
    geometry.setAttribute("skinWeight", new BufferAttribute(body.weights, 4, true));
    geometry.setAttribute("color", new BufferAttribute(new Float32Array(body.vertices.length), 3));
    geometry.setIndex(new BufferAttribute(body.faces, 1));
    this.mesh = new SkinnedMesh(geometry, this.material);
    this.mesh.frustumCulled = false;
    this.bones = bones(body.rest);
    this.mesh.add(this.bones[0]);
    const inverses = this.bones.map((_, joint) => new Matrix4().makeTranslation(
      at(body.rest, joint).negate(),
    ));
    this.mesh.bind(new Skeleton(this.bones, inverses), new Matrix4());
    this.group = new Group();
    this.group.add(this.mesh);
  }

  /** @param {Record<string, string>} colours one CSS colour per role, see theme.js */
  paint(colours) {
    const suit = new Color(colours.torso);
    const painted = REGIONS.map((role) => new Color(colours[role]));
    const colour = this.mesh.geometry.attributes.color;
    const mixed = new Color();
    for (let vertex = 0; vertex < colour.count; vertex += 1) {
      mixed.copy(suit);
      painted.forEach((paint, k) => mixed.lerp(paint, this.regions[vertex * 3 + k] / 255));
      colour.setXYZ(vertex, mixed.r, mixed.g, mixed.b);
    }
    colour.needsUpdate = true;
  }

  /** Paint one share 0..1 per joint, spread over the skin as the joints move it. */
  tint(shares, colourOf) {
    const { skinIndex, skinWeight, color } = this.mesh.geometry.attributes;
    const mixed = new Color();
    for (let vertex = 0; vertex < color.count; vertex += 1) {
      let share = 0;
      for (let k = 0; k < 4; k += 1) {
        share += skinWeight.getComponent(vertex, k) * shares[skinIndex.getComponent(vertex, k)];
      }
      colourOf(share, mixed);
      color.setXYZ(vertex, mixed.r, mixed.g, mixed.b);
    }
    color.needsUpdate = true;
  }

  /** See-through, for a skeleton inside; its own back must not show through its front then. */
  set seeThrough(on) {
    if (this.material.transparent === on) return;
    this.material.transparent = on;
    this.material.opacity = on ? 0.42 : 1;
    this.mesh.renderOrder = on ? 1 : 0;
    this.material.needsUpdate = true;
  }

  /** @param {Float32Array} turns [22 * 4] @param {Float32Array} pose joints, for the pelvis */
  pose(turns, pose) {
    this.bones.forEach((bone, joint) => bone.quaternion.fromArray(turns, joint * TURN));
    this.bones[0].position.set(pose[0], pose[1], pose[2]);
  }

  dispose() {
    this.mesh.geometry.dispose();
    this.mesh.skeleton.dispose();
    this.material.dispose();
  }
}

function at(rest, joint) {
  return new Vector3(rest[joint * 3], rest[joint * 3 + 1], rest[joint * 3 + 2]);
}

/** Bones in the pose the skin is bound in, each under its parent. */
function bones(rest) {
  const made = PARENTS.map(() => new Bone());
  made.forEach((bone, joint) => {
    const parent = PARENTS[joint];
    bone.position.copy(at(rest, joint));
    if (parent < 0) return;
    bone.position.sub(at(rest, parent));
    made[parent].add(bone);
  });
  return made;
}

// Decodes what the server sends and answers "where is every joint at time t".
import { Turns } from "./turns.js";
import { J, N_JOINTS } from "./skeleton.js";

const FLOATS_PER_FRAME = N_JOINTS * 3;
const FOLLOW_SECONDS = 0.5; // width of the window that steadies the following camera

/** Base64 of little-endian float32 [frames, 22, 3] -> Float32Array; throws on a wrong size. */
export function decodeJoints(base64, frames) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  if (!Number.isInteger(frames) || bytes.byteLength !== frames * FLOATS_PER_FRAME * 4) {
    throw new Error(`The motion is damaged: ${bytes.byteLength} bytes for ${frames} frames.`);
  }
  const view = new DataView(bytes.buffer);
  const joints = new Float32Array(frames * FLOATS_PER_FRAME);
  for (let i = 0; i < joints.length; i += 1) joints[i] = view.getFloat32(i * 4, true);
  if (joints.some((value) => !Number.isFinite(value))) {
    throw new Error("The motion is damaged: it contains positions that are not numbers.");
  }
  return joints;
}

/** Pelvis ground path [frames][x, z], smoothed so that a camera may ride on it. */
export function followPath(joints, frames, fps) {
  const half = Math.max(1, Math.round(FOLLOW_SECONDS * fps));
  const path = [];
  for (let frame = 0; frame < frames; frame += 1) {
    let x = 0;
    let z = 0;
    let total = 0;
    for (let other = frame - half; other <= frame + half; other += 1) {
      const at = Math.min(frames - 1, Math.max(0, other)) * FLOATS_PER_FRAME + J.pelvis * 3;
      const weight = 1 - Math.abs(other - frame) / (half + 1);
      x += joints[at] * weight;
      z += joints[at + 2] * weight;
      total += weight;
    }
    path.push([x / total, z / total]);
  }
  return path;
}

/** One sample: joints over time, its label and its colour family. */
export class Clip {
  constructor({ joints, frames, label = "", accent = "base", turns = "" }, fps) {
    this.fps = fps;
    this.frames = frames;
    this.label = label;
    this.accent = accent;
    this.joints = decodeJoints(joints, frames);
    this.turns = turns ? new Turns(turns, frames) : null; // of a body, where one is shown
    this.path = followPath(this.joints, frames, fps);
    this.pose = new Float32Array(FLOATS_PER_FRAME);
  }

  /** Joint positions [22 * 3] at a fractional frame; the array is reused between calls. */
  poseAt(position, into = this.pose) {
    const clamped = Math.min(this.frames - 1, Math.max(0, position));
    const first = Math.floor(clamped);
    const second = Math.min(this.frames - 1, first + 1);
    const share = clamped - first;
    for (let i = 0; i < FLOATS_PER_FRAME; i += 1) {
      const a = this.joints[first * FLOATS_PER_FRAME + i];
      into[i] = a + (this.joints[second * FLOATS_PER_FRAME + i] - a) * share;
    }
    return into;
  }

  /** Smoothed ground point [x, z] under the figure at a fractional frame. */
  groundAt(position) {
    const clamped = Math.min(this.frames - 1, Math.max(0, position));
    const first = Math.floor(clamped);
    const second = Math.min(this.frames - 1, first + 1);
    const share = clamped - first;
    return [0, 1].map((k) => this.path[first][k] * (1 - share) + this.path[second][k] * share);
  }

  /** Ground bounds {minX, maxX, minZ, maxZ} of the pelvis over the whole clip. */
  bounds() {
    const xs = this.path.map((point) => point[0]);
    const zs = this.path.map((point) => point[1]);
    return {
      minX: Math.min(...xs), maxX: Math.max(...xs), minZ: Math.min(...zs), maxZ: Math.max(...zs),
    };
  }
}

// Rotations of the joints over time, read between frames; needs nothing but numbers.
import { N_JOINTS } from "./skeleton.js";

export const TURN = 4; // numbers per rotation: x, y, z, w
const ALIKE = 0.9995; // cosine above which a straight line is as good as an arc

/** Rotations over time: base64 of float32 [frames, 22, 4] at any fractional frame. */
export class Turns {
  constructor(base64, frames) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    if (bytes.byteLength !== frames * N_JOINTS * TURN * 4) {
      throw new Error(`The body's motion is damaged: ${bytes.byteLength} bytes.`);
    }
    this.values = new Float32Array(bytes.buffer);
    this.frames = frames;
    this.now = new Float32Array(N_JOINTS * TURN);
  }

  /** All rotations [22 * 4] by slerp; the array is reused between calls. */
  at(position) {
    const clamped = Math.min(this.frames - 1, Math.max(0, position));
    const first = Math.floor(clamped) * N_JOINTS * TURN;
    const second = Math.min(this.frames - 1, Math.floor(clamped) + 1) * N_JOINTS * TURN;
    const share = clamped % 1;
    for (let i = 0; i < N_JOINTS * TURN; i += TURN) {
      slerp(this.now, i, this.values, first + i, second + i, share);
    }
    return this.now;
  }
}

/** The rotation a share of the shorter way from values[a..] to values[b..], into out[at..]. */
function slerp(out, at, values, a, b, share) {
  let cosine = 0;
  for (let k = 0; k < TURN; k++) cosine += values[a + k] * values[b + k];
  const side = cosine < 0 ? -1 : 1;
  const angle = Math.acos(Math.min(1, Math.abs(cosine)));
  const arc = Math.abs(cosine) < ALIKE;
  const u = arc ? Math.sin((1 - share) * angle) / Math.sin(angle) : 1 - share;
  const v = side * (arc ? Math.sin(share * angle) / Math.sin(angle) : share);
  let length = 0;
  for (let k = 0; k < TURN; k++) {
    out[at + k] = u * values[a + k] + v * values[b + k];
    length += out[at + k] ** 2;
  }
  length = Math.sqrt(length) || 1;
  for (let k = 0; k < TURN; k++) out[at + k] /= length;
}

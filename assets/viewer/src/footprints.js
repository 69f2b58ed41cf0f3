// Where toes are down and where they slide: the measure "feet slide", frame by frame.
import { J, N_JOINTS } from "./skeleton.js";

const DOWN = 0.05; // metres under which a toe is down
const SLIDING = 0.5; // m/s over which a toe that is down slides, now and on the average
const WINDOW = 2; // frames to each side of that average; zeros beyond the ends

/** Prints [{frame, x, z, side, slides}] of joints [frames * 22 * 3], in order of time. */
export function footprints(joints, frames, fps) {
  const prints = [];
  for (const [side, joint] of [["left", J.leftFoot], ["right", J.rightFoot]]) {
    const at = (frame) => (frame * N_JOINTS + joint) * 3;
    const down = (frame) => joints[at(frame) + 1] < DOWN;
    const speeds = Array.from({ length: Math.max(0, frames - 1) }, (_, frame) => {
      const [here, next] = [at(frame), at(frame + 1)];
      return Math.hypot(joints[next] - joints[here], joints[next + 2] - joints[here + 2]) * fps;
    });
    speeds.forEach((speed, frame) => {
      if (!down(frame) || !down(frame + 1)) return;
      let total = 0;
      for (let other = frame - WINDOW; other <= frame + WINDOW; other += 1) total += speeds[other] ?? 0;
      const slides = speed > SLIDING && total / (2 * WINDOW + 1) > SLIDING;
      prints.push({ frame, x: joints[at(frame)], z: joints[at(frame) + 2], side, slides });
    });
  }
  return prints.sort((one, two) => one.frame - two.frame);
}

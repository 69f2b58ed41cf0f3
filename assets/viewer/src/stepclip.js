// A clip that can also show what the model predicted at each denoising step, and the reward's pull.
import { Turns } from "./turns.js";
import { Clip, decodeJoints, followPath } from "./motion.js";
import { N_JOINTS } from "./skeleton.js";

export class StepClip extends Clip {
  /**
   * @param {object} motion as Clip takes it, with optional steps {joints: string[], turns:
   * string[], timesteps, rewards} (the last is the finished motion) and pull: base64 of uint8
   * [frames, 22]
   */
  constructor(motion, fps) {
    super(motion, fps);
    this.final = { joints: this.joints, turns: this.turns };
    this.steps = (motion.steps?.joints ?? []).map((one, k) => ({
      joints: decodeJoints(one, this.frames),
      turns: this.turns && motion.steps.turns[k] ? new Turns(motion.steps.turns[k], this.frames) : null,
    }));
    this.timesteps = motion.steps?.timesteps ?? [];
    this.rewards = motion.steps?.rewards ?? null;
    this.pull = motion.pull ? decodeBytes(motion.pull, this.frames * N_JOINTS) : null;
  }

  /** Show the prediction of step `index`; the last one is the motion itself. */
  chooseStep(index) {
    const last = index >= this.steps.length - 1;
    Object.assign(this, last ? this.final : this.steps[index]);
    this.path = followPath(this.joints, this.frames, this.fps);
  }

  /** Pull of the reward per joint, 0..1, at a fractional frame. */
  pullAt(position, into) {
    const frame = Math.min(this.frames - 1, Math.max(0, Math.round(position)));
    for (let i = 0; i < N_JOINTS; i += 1) into[i] = this.pull[frame * N_JOINTS + i] / 255;
    return into;
  }
}

function decodeBytes(base64, count) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  if (bytes.length !== count) throw new Error(`The motion is damaged: ${bytes.length} bytes.`);
  return bytes;
}

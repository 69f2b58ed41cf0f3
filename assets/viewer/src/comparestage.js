// Two clips in one canvas: side by side, or one as a ghost on the other; heat and footprints.
import { BodyFigure } from "./body.js";
import { Figure } from "./figure.js";
import { apart, heatColour, HeatFigure } from "./heat.js";
import { N_JOINTS } from "./skeleton.js";
import { Actor, Stage } from "./stage.js";
import { Traces } from "./traces.js";

export const FAR = 0.3; // metres apart at which the difference is shown as "much"
const GHOST = 0.42; // opacity of the other one in the overlay

export class CompareStage extends Stage {
  constructor(canvas) {
    super(canvas);
    this.overlay = false;
    this.traces = false;
    this.heat = null; // null, "difference" or "pull"
  }

  makeActor(clip) {
    return new CompareActor(clip, this.shared);
  }

  load(clips) {
    super.load(clips);
    const [left, right] = this.actors;
    if (right) {
      left.setOther(right.clip);
      right.setOther(left.clip);
    }
    this.paint(this.theme);
  }

  get cells() {
    return this.overlay && this.actors.length === 2
      ? [{ x: 0, y: 0, width: 1, height: 1 }]
      : super.cells;
  }

  draw(position) {
    for (const actor of this.actors) {
      actor.show({ overlay: this.overlay, traces: this.traces, heat: this.heat });
    }
    super.draw(position);
  }
}

class CompareActor extends Actor {
  constructor(clip, shared) {
    super(clip, shared);
    this.options = {};
    this.ghost = new Figure(GHOST);
    this.ghost.group.visible = false;
    this.otherPose = new Float32Array(N_JOINTS * 3);
    this.shares = new Float32Array(N_JOINTS);
    this.traces = new Traces(clip);
    this.world.add(this.ghost.group, this.traces.group);
  }

  /** @param {StepClip} clip the other side's */
  setOther(clip) {
    this.other = clip;
    this.otherTraces = new Traces(clip);
    this.world.add(this.otherTraces.group);
  }

  makeFigure() {
    return new HeatFigure();
  }

  wear(body) {
    super.wear(body);
    if (!body || !this.other?.turns || this.ghostBody) return;
    this.ghostBody = new BodyFigure(body);
    this.ghostBody.seeThrough = true;
    this.world.add(this.ghostBody.group);
    this.paintGhost();
  }

  look(look) {
    super.look(look);
    this.bodied = Boolean(this.body?.group.visible);
  }

  show(options) {
    this.options = options;
  }

  paint(theme) {
    super.paint(theme);
    if (!this.traces) return;
    const own = theme[this.clip.accent] ?? theme.base;
    const other = theme[this.other?.accent] ?? theme.base;
    // In the overlay the accent tells who is who: the ghost wears nothing but its own.
    const { accent } = other;
    this.plain = { ...other, left: accent, right: accent, torso: accent, pelvis: accent };
    this.tinted = false;
    this.ghost.paint(this.plain);
    this.paintGhost();
    this.traces.paint(own);
    this.otherTraces?.paint(this.plain);
  }

  paintGhost() {
    if (this.plain) this.ghostBody?.paint(this.plain);
  }

  update(position, follow, ghosts) {
    super.update(position, follow, ghosts);
    const { overlay, traces, heat } = this.options;
    this.traces.update(position, Boolean(traces));
    this.otherTraces?.update(position, Boolean(traces && overlay));
    if (this.other) this.other.poseAt(position, this.otherPose);
    this.updateGhost(position, Boolean(overlay && this.other));
    this.tint(this.heatShares(heat, position));
  }

  updateGhost(position, shown) {
    const bodied = Boolean(this.bodied && this.ghostBody);
    this.ghost.group.visible = shown && !bodied;
    if (this.ghostBody) this.ghostBody.group.visible = shown && bodied;
    if (!shown) return;
    if (bodied) this.ghostBody.pose(this.other.turns.at(position), this.otherPose);
    else this.ghost.pose(this.otherPose);
  }

  tint(shares) {
    this.figure.tint(shares);
    if (shares && this.body?.group.visible) this.body.tint(shares, heatColour);
    else if (this.tinted && this.family) this.body?.paint(this.family);
    this.tinted = Boolean(shares);
  }

  heatShares(heat, position) {
    if (heat === "difference" && this.other) {
      apart(this.clip.poseAt(position), this.otherPose, this.shares);
      for (let i = 0; i < N_JOINTS; i += 1) this.shares[i] /= FAR;
      return this.shares;
    }
    if (heat === "pull" && this.clip.pull) return this.clip.pullAt(position, this.shares);
    return null;
  }

  dispose() {
    super.dispose();
    this.ghost.dispose();
    this.ghostBody?.dispose();
    this.traces.dispose();
    this.otherTraces?.dispose();
  }
}

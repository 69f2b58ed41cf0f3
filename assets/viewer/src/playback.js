// The one playhead that all samples share: a clock without any drawing, so that it can be tested.
const REST_SECONDS = 0.6; // pause on the last frame before the loop begins again

export class Playback {
  constructor() {
    this.load(0, 20);
    this.speed = 1;
  }

  load(frames, fps) {
    this.frames = frames;
    this.fps = fps;
    this.position = 0;
    this.rest = 0;
    this.playing = false;
  }

  /** The whole frame under the playhead, 0-based. */
  get frame() {
    return Math.min(Math.max(0, this.frames - 1), Math.floor(this.position + 1e-6));
  }

  play() {
    if (this.frames > 1) this.playing = true;
  }

  pause() {
    this.playing = false;
    this.position = this.frame; // a paused figure stands on a whole frame
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  seek(frame) {
    this.playing = false;
    this.rest = 0;
    this.position = Math.min(Math.max(0, this.frames - 1), Math.max(0, Math.round(frame)));
  }

  step(frames) {
    this.seek(this.frame + frames);
  }

  /** Move on by `seconds` of wall time; returns whether anything changed. */
  advance(seconds) {
    if (!this.playing || this.frames < 2) return false;
    const last = this.frames - 1;
    this.position += seconds * this.speed * this.fps;
    if (this.position >= last) {
      this.rest += (this.position - last) / (this.fps * this.speed);
      this.position = last;
      if (this.rest >= REST_SECONDS) {
        this.rest = 0;
        this.position = 0;
      }
    }
    return true;
  }
}

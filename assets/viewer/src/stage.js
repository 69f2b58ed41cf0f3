// Draws all samples in one canvas: one renderer, one camera, one scene and scissored cell each.
import {
  Color, DirectionalLight, Group, HemisphereLight, PerspectiveCamera, Scene, Vector3, WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { BodyFigure } from "./body.js";
import { Figure } from "./figure.js";
import { Floor, sharedGround } from "./floor.js";
import { cells } from "./layout.js";

const GHOSTS = 4; // poses shown behind the figure
const GHOST_SECONDS = 0.35; // between two of them
const VIEW = new Vector3(0.5, 0.26, 1).normalize(); // where the camera stands, seen from the figure
const MOST_PIXELS = 2; // device pixel ratio beyond which sharper is only slower

export class Stage {
  constructor(canvas) {
    this.renderer = new WebGLRenderer({ canvas, antialias: true, powerPreference: "low-power" });
    this.renderer.setScissorTest(true);
    this.camera = new PerspectiveCamera(34, 1, 0.1, 120);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.maxPolarAngle = Math.PI * 0.495;
    this.controls.minDistance = 1.2;
    this.controls.maxDistance = 40;
    this.controls.enablePan = false;
    this.controls.enableZoom = false; // only while the player has the focus: see index.js
    canvas.style.touchAction = "pan-y";
    this.shared = sharedGround();
    this.empty = new EmptyScene(this.shared);
    this.actors = [];
    this.follow = true;
    this.ghosts = false;
    this.look = "skeleton"; // or "body", or "both"
    this.body = null; // what loadBody gave
    this.size = { width: 1, height: 1 };
  }

  load(clips) {
    for (const actor of this.actors) actor.dispose();
    this.actors = clips.map((clip) => this.makeActor(clip));
    this.wear(this.body);
    this.paint(this.theme);
    this.resetView();
  }

  /** Give every figure a body, as soon as it has been loaded. */
  wear(body) {
    this.body = body;
    for (const actor of this.actors) actor.wear(body);
  }

  makeActor(clip) {
    return new Actor(clip, this.shared);
  }

  paint(theme) {
    this.theme = theme;
    if (!theme) return;
    this.renderer.setClearColor(new Color(theme.sky));
    this.empty.floor.paint(theme, theme.axis);
    for (const actor of this.actors) actor.paint(theme);
  }

  resize(width, height) {
    this.size = { width, height };
    this.renderer.setPixelRatio(Math.min(MOST_PIXELS, window.devicePixelRatio || 1));
    this.renderer.setSize(width, height, false);
    this.resetView();
  }

  get cells() {
    return cells(this.actors.length, this.size.width, this.size.height);
  }

  /** Stand where every figure (or, without following, every whole path) fits its cell. */
  resetView() {
    const [cell] = this.cells.length ? this.cells : [{ width: 1, height: 1 }];
    const aspect = (cell.width * this.size.width) / Math.max(1, cell.height * this.size.height);
    this.camera.aspect = aspect;
    this.camera.updateProjectionMatrix();
    const extent = this.follow ? { x: 0, z: 0, radius: 0 } : this.pathExtent();
    const slope = Math.tan((this.camera.fov * Math.PI) / 360);
    const tall = 1.18 + extent.radius * 0.45; // half of what must fit, with air, in metres
    const wide = 0.95 + extent.radius;
    const distance = Math.max(tall / slope, wide / (slope * aspect)) + 0.2;
    this.controls.target.set(extent.x, 0.92, extent.z);
    this.camera.position.copy(this.controls.target).addScaledVector(VIEW, distance);
    this.controls.update();
  }

  pathExtent() {
    const all = this.actors.map((actor) => actor.clip.bounds());
    if (!all.length) return { x: 0, z: 0, radius: 0 };
    const minX = Math.min(...all.map((b) => b.minX));
    const maxX = Math.max(...all.map((b) => b.maxX));
    const minZ = Math.min(...all.map((b) => b.minZ));
    const maxZ = Math.max(...all.map((b) => b.maxZ));
    const radius = Math.hypot(maxX - minX, maxZ - minZ) / 2;
    return { x: (minX + maxX) / 2, z: (minZ + maxZ) / 2, radius };
  }

  /** Draw every sample at a fractional frame. */
  draw(position) {
    const { width, height } = this.size;
    if (!this.actors.length) this.drawCell([0, 0, width, height], this.empty.scene);
    this.cells.forEach((cell, i) => {
      const box = [
        cell.x * width, (1 - cell.y - cell.height) * height, cell.width * width, cell.height * height,
      ];
      this.actors[i].look(this.look);
      this.actors[i].update(position, this.follow, this.ghosts);
      this.drawCell(box, this.actors[i].scene);
    });
  }

  drawCell(box, scene) {
    this.renderer.setViewport(...box);
    this.renderer.setScissor(...box);
    this.renderer.render(scene, this.camera);
  }

  dispose() {
    for (const actor of this.actors) actor.dispose();
    this.controls.dispose();
    this.renderer.dispose();
  }
}

/** The floor alone, before the first result. */
class EmptyScene {
  constructor(shared) {
    this.scene = new Scene();
    const clip = { path: [[0, 0]], bounds: () => ({ minX: 0, maxX: 0, minZ: 0, maxZ: 0 }) };
    this.floor = new Floor(clip, shared, []);
    this.scene.add(this.floor.grid, this.floor.group);
  }
}

/** One sample in its own scene: figure, ghosts and floor. */
export class Actor {
  constructor(clip, shared) {
    this.clip = clip;
    this.scene = new Scene();
    this.world = new Group(); // slides under the camera while following
    this.figure = this.makeFigure();
    this.floor = new Floor(clip, shared);
    this.trail = Array.from({ length: GHOSTS }, (_, i) => new Figure(0.26 - i * 0.055));
    this.ghostPose = new Float32Array(clip.pose.length);
    this.world.add(this.floor.group, this.figure.group, ...this.trail.map((ghost) => ghost.group));
    this.scene.add(this.floor.grid, this.world, ...lights());
  }

  makeFigure() {
    return new Figure();
  }

  wear(body) {
    if (!body || !this.clip.turns || this.body) return;
    this.body = new BodyFigure(body);
    this.world.add(this.body.group);
    if (this.family) this.body.paint(this.family);
  }

  look(look) {
    const shown = this.body ? look : "skeleton";
    this.figure.group.visible = shown !== "body";
    this.figure.thin = shown === "both";
    if (!this.body) return;
    this.body.group.visible = shown !== "skeleton";
    this.body.seeThrough = shown === "both";
  }

  paint(theme) {
    const family = theme[this.clip.accent] ?? theme.base;
    this.family = family;
    for (const figure of [this.figure, ...this.trail]) figure.paint(family);
    this.body?.paint(family);
    this.floor.paint(theme, family.accent);
  }

  update(position, follow, ghosts) {
    const ground = follow ? this.clip.groundAt(position) : [0, 0];
    const pose = this.clip.poseAt(position);
    this.world.position.set(-ground[0], 0, -ground[1]);
    this.figure.pose(pose);
    if (this.body?.group.visible) this.body.pose(this.clip.turns.at(position), pose);
    this.floor.update(pose, ground);
    this.trail.forEach((ghost, i) => {
      const then = position - (i + 1) * GHOST_SECONDS * this.clip.fps;
      ghost.group.visible = ghosts && then > 0;
      if (ghost.group.visible) ghost.pose(this.clip.poseAt(then, this.ghostPose));
    });
  }

  dispose() {
    for (const figure of [this.figure, ...this.trail]) figure.dispose();
    this.body?.dispose();
    this.floor.dispose();
  }
}

function lights() {
  const key = new DirectionalLight("#ffffff", 2.1);
  key.position.set(2.2, 4.5, 3);
  const rim = new DirectionalLight("#dfe9ff", 0.7);
  rim.position.set(-3, 2.5, -3.5);
  return [new HemisphereLight("#ffffff", "#9aa4b2", 1.35), key, rim];
}

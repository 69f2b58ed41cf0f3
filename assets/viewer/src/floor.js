// The ground: an endless metre grid, distance marks, the pelvis path and soft contact shadows.
import {
  BufferAttribute, BufferGeometry, CanvasTexture, Color, Group, Line, LineBasicMaterial, Mesh,
  MeshBasicMaterial, PlaneGeometry, ShaderMaterial, Vector2,
} from "three";
import { J } from "./skeleton.js";

const GRID_VERTEX = `
  varying vec2 ground;
  uniform vec2 offset;
  void main() {
    ground = position.xz + offset;
    gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
  }`;
const GRID_FRAGMENT = `
  varying vec2 ground;
  uniform vec2 offset;
  uniform vec3 tile;
  uniform vec3 line;
  uniform vec3 axis;
  uniform float reach;
  float lines(float value, float width) {
    float w = max(fwidth(value), 1e-4);
    return 1.0 - smoothstep(width, width + w, abs(fract(value - 0.5) - 0.5));
  }
  float single(float value, float width) {
    float w = max(fwidth(value), 1e-4);
    return 1.0 - smoothstep(width, width + w, abs(value));
  }
  void main() {
    float metre = max(lines(ground.x, 0.006), lines(ground.y, 0.006));
    float half_ = max(lines(ground.x * 2.0, 0.004), lines(ground.y * 2.0, 0.004));
    float checker = mod(floor(ground.x) + floor(ground.y), 2.0);
    float zero = max(single(ground.x, 0.012), single(ground.y, 0.012));
    vec3 colour = mix(tile, line, checker * 0.16);
    colour = mix(colour, line, max(metre * 0.85, half_ * 0.25));
    colour = mix(colour, axis, zero * 0.55);
    float fade = 1.0 - smoothstep(reach * 0.3, reach, length(ground - offset));
    gl_FragColor = vec4(colour, fade);
    #include <colorspace_fragment>
  }`;

const MARK = new PlaneGeometry(0.5, 0.25).rotateX(-Math.PI / 2);
const BLOB = new PlaneGeometry(1, 1).rotateX(-Math.PI / 2);
const MOST_MARKS = 80;
// What casts a soft shadow: [joint, size in metres, strength, height at which it has vanished].
const SHADOWS = [
  [J.pelvis, 0.62, 0.32, 1.4], [J.leftFoot, 0.3, 0.42, 0.35], [J.rightFoot, 0.3, 0.42, 0.35],
  [J.leftAnkle, 0.26, 0.36, 0.45], [J.rightAnkle, 0.26, 0.36, 0.45],
];

export class Floor {
  constructor(clip, shared, shadows = SHADOWS) {
    this.shared = shared;
    this.grid = new Mesh(shared.plane, gridMaterial());
    this.grid.renderOrder = -2;
    this.group = new Group(); // things fixed to the world, as the grid pattern is
    this.markMaterials = [];
    this.addMarks(clip.bounds());
    this.path = pathLine(clip);
    this.group.add(this.path);
    this.blobs = shadows.map((row) => this.addBlob(...row));
  }

  addMarks(bounds) {
    const rows = [
      ["z", Math.floor(bounds.minZ) - 1, Math.ceil(bounds.maxZ) + 2],
      ["x", Math.floor(bounds.minX) - 1, Math.ceil(bounds.maxX) + 1],
    ];
    for (const [axis, from, to] of rows) {
      for (let metre = from; metre <= to && this.markMaterials.length < MOST_MARKS; metre += 1) {
        if (metre === 0) continue;
        const material = new MeshBasicMaterial({
          map: this.shared.text(`${Math.abs(metre)} m`), transparent: true, depthWrite: false,
        });
        const mark = new Mesh(MARK, material);
        mark.position.set(axis === "x" ? metre : 0.3, 0.004, axis === "z" ? metre + 0.14 : 0.14);
        this.markMaterials.push(material);
        this.group.add(mark);
      }
    }
  }

  addBlob(joint, size, strength, vanishes) {
    const material = new MeshBasicMaterial({
      map: this.shared.blob, transparent: true, depthWrite: false, color: "#000000",
    });
    const mesh = new Mesh(BLOB, material);
    mesh.renderOrder = -1;
    this.group.add(mesh);
    return { joint, size, strength, vanishes, mesh, material };
  }

  paint(theme, accent) {
    const { tile, line, axis } = this.grid.material.uniforms;
    tile.value = new Color(theme.floor);
    line.value = new Color(theme.grid);
    axis.value = new Color(theme.axis);
    this.path.material.color.set(accent);
    for (const material of this.markMaterials) material.color.set(theme.mark);
    this.shade = theme.shade;
  }

  /** Put the shadows under the pose and slide the grid by the camera's ground point. */
  update(pose, ground) {
    this.grid.material.uniforms.offset.value.set(ground[0], ground[1]);
    for (const { joint, size, strength, vanishes, mesh, material } of this.blobs) {
      const height = Math.max(0, pose[joint * 3 + 1]);
      const near = Math.max(0, 1 - height / vanishes);
      mesh.position.set(pose[joint * 3], 0.003, pose[joint * 3 + 2]);
      mesh.scale.setScalar(size * (1 + 0.5 * (1 - near)));
      material.opacity = strength * near * this.shade;
    }
  }

  dispose() {
    this.grid.material.dispose();
    this.path.geometry.dispose();
    this.path.material.dispose();
    for (const material of this.markMaterials) material.dispose();
    for (const { material } of this.blobs) material.dispose();
  }
}

/** Textures and geometry that all floors of one renderer share. */
export function sharedGround() {
  const cache = new Map();
  return {
    plane: new PlaneGeometry(60, 60).rotateX(-Math.PI / 2),
    blob: blobTexture(),
    text(words) {
      if (!cache.has(words)) cache.set(words, textTexture(words));
      return cache.get(words);
    },
  };
}

function gridMaterial() {
  return new ShaderMaterial({
    vertexShader: GRID_VERTEX,
    fragmentShader: GRID_FRAGMENT,
    transparent: true,
    depthWrite: false,
    uniforms: {
      offset: { value: new Vector2() }, reach: { value: 13 }, tile: { value: new Color() },
      line: { value: new Color() }, axis: { value: new Color() },
    },
  });
}

function pathLine(clip) {
  const points = new Float32Array(clip.path.flatMap(([x, z]) => [x, 0.006, z]));
  const geometry = new BufferGeometry().setAttribute("position", new BufferAttribute(points, 3));
  return new Line(geometry, new LineBasicMaterial({ transparent: true, opacity: 0.55 }));
}

function blobTexture() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const brush = canvas.getContext("2d");
  const fill = brush.createRadialGradient(32, 32, 2, 32, 32, 31);
  fill.addColorStop(0, "rgba(255,255,255,1)");
  fill.addColorStop(0.55, "rgba(255,255,255,0.45)");
  fill.addColorStop(1, "rgba(255,255,255,0)");
  brush.fillStyle = fill;
  brush.fillRect(0, 0, 64, 64);
  return new CanvasTexture(canvas);
}

function textTexture(words) {
  const canvas = document.createElement("canvas");
  canvas.width = 128;
  canvas.height = 64;
  const brush = canvas.getContext("2d");
  brush.fillStyle = "#ffffff";
  brush.font = "500 38px system-ui, sans-serif";
  brush.textBaseline = "middle";
  brush.fillText(words, 6, 32);
  const texture = new CanvasTexture(canvas);
  texture.anisotropy = 4;
  return texture;
}

// The playhead, the decoding and the layout, without a browser: `npm test`.
import assert from "node:assert/strict";
import { test } from "node:test";

import { arrange, cells } from "../src/layout.js";
import { Clip, decodeJoints } from "../src/motion.js";
import { Playback } from "../src/playback.js";

function encode(values) {
  return Buffer.from(new Float32Array(values).buffer).toString("base64");
}

function walk(frames) {
  const values = [];
  for (let frame = 0; frame < frames; frame += 1) {
    for (let joint = 0; joint < 22; joint += 1) values.push(joint, 1, frame * 0.1);
  }
  return encode(values);
}

test("playing moves by time, speed and frame rate", () => {
  const head = new Playback();
  head.load(80, 20);
  head.play();
  head.advance(1);
  assert.equal(head.frame, 20);
  head.speed = 0.5;
  head.advance(1);
  assert.equal(head.frame, 30);
});

test("the end rests, then begins again", () => {
  const head = new Playback();
  head.load(21, 20);
  head.play();
  head.advance(1.1);
  assert.equal(head.frame, 20);
  head.advance(0.6);
  assert.equal(head.frame, 0);
  assert.equal(head.playing, true);
});

test("steps stay inside and stand on whole frames", () => {
  const head = new Playback();
  head.load(10, 20);
  head.play();
  head.advance(0.13);
  head.step(1);
  assert.deepEqual([head.frame, head.position, head.playing], [3, 3, false]);
  head.step(-99);
  assert.equal(head.frame, 0);
  head.seek(Infinity);
  assert.equal(head.frame, 9);
  head.load(0, 20);
  head.step(1);
  head.play();
  assert.deepEqual([head.frame, head.playing, head.advance(1)], [0, false, false]);
});

test("joints arrive exactly and wrong data is refused", () => {
  assert.deepEqual([...decodeJoints(walk(2), 2).slice(0, 3)], [0, 1, 0]);
  assert.throws(() => decodeJoints(walk(2), 3), /damaged/);
  const broken = new Array(66).fill(0);
  broken[5] = NaN;
  assert.throws(() => decodeJoints(encode(broken), 1), /not numbers/);
});

test("poses between frames lie between them; beyond the end they hold", () => {
  const clip = new Clip({ joints: walk(5), frames: 5 }, 20);
  assert.ok(Math.abs(clip.poseAt(1.5)[2] - 0.15) < 1e-6);
  assert.ok(Math.abs(clip.poseAt(99)[2] - 0.4) < 1e-6);
  const { minZ, maxZ } = clip.bounds();
  assert.ok(minZ >= 0 && maxZ <= 0.4 + 1e-6);
});

test("cells cover the canvas and suit its shape", () => {
  assert.deepEqual(arrange(2, 700, 500), { columns: 2, rows: 1 });
  assert.deepEqual(arrange(4, 700, 500), { columns: 2, rows: 2 });
  assert.deepEqual(arrange(4, 1800, 500), { columns: 4, rows: 1 });
  for (let count = 1; count <= 4; count += 1) {
    for (const cell of cells(count, 640, 480)) {
      assert.ok(cell.x + cell.width <= 1 + 1e-9 && cell.y + cell.height <= 1 + 1e-9);
    }
  }
});

// Reads a GLB with three.js's own loader and prints, as JSON, what it shows at some frames:
// node tools/read_glb.mjs FILE FRAME...  ->  {names, duration, joints: [[x, y, z]...][], skin: ...}
import { readFileSync } from "node:fs";
import { AnimationMixer, LoopOnce, Vector3 } from "three";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";

const [file, ...frames] = process.argv.slice(2);
const bytes = readFileSync(file);
const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
const gltf = await new GLTFLoader().parseAsync(buffer, "");
const mesh = gltf.scene.getObjectByName("body");
const [clip] = gltf.animations;
const mixer = new AnimationMixer(gltf.scene);
const action = mixer.clipAction(clip).setLoop(LoopOnce);
action.clampWhenFinished = true; // the last frame is the last one, not the first again
action.play();
const times = clip.tracks[0].times;

const shown = frames.map(Number).map((frame) => {
  mixer.setTime(times[frame]);
  gltf.scene.updateMatrixWorld(true);
  const joints = mesh.skeleton.bones.map((bone) => bone.getWorldPosition(new Vector3()).toArray());
  const { position } = mesh.geometry.attributes;
  const skin = [];
  for (let i = 0; i < position.count; i += 97) { // some vertices tell as much as all
    skin.push(mesh.getVertexPosition(i, new Vector3()).applyMatrix4(mesh.matrixWorld).toArray());
  }
  return { joints, skin };
});
console.log(JSON.stringify({
  names: mesh.skeleton.bones.map((bone) => bone.name), duration: clip.duration,
  vertices: mesh.geometry.attributes.position.count, shown,
}));

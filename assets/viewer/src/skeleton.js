// The 22 joints the engine sends (SMPL order) and the solid shapes drawn on them.
export const N_JOINTS = 22;

export const PARENTS = [
  -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19,
];

export const J = {
  pelvis: 0, leftHip: 1, rightHip: 2, spine1: 3, leftKnee: 4, rightKnee: 5, spine2: 6,
  leftAnkle: 7, rightAnkle: 8, spine3: 9, leftFoot: 10, rightFoot: 11, neck: 12,
  leftCollar: 13, rightCollar: 14, head: 15, leftShoulder: 16, rightShoulder: 17,
  leftElbow: 18, rightElbow: 19, leftWrist: 20, rightWrist: 21,
};

// Rods between two joints, a little thinner at the far end: [from, to, radius in metres, role].
export const RODS = [
  [J.leftHip, J.leftKnee, 0.076, "left"], [J.leftKnee, J.leftAnkle, 0.056, "left"],
  [J.leftAnkle, J.leftFoot, 0.042, "left"],
  [J.rightHip, J.rightKnee, 0.076, "right"], [J.rightKnee, J.rightAnkle, 0.056, "right"],
  [J.rightAnkle, J.rightFoot, 0.042, "right"],
  [J.leftShoulder, J.leftElbow, 0.05, "left"], [J.leftElbow, J.leftWrist, 0.04, "left"],
  [J.rightShoulder, J.rightElbow, 0.05, "right"], [J.rightElbow, J.rightWrist, 0.04, "right"],
  [J.spine3, J.leftShoulder, 0.062, "torso"], [J.spine3, J.rightShoulder, 0.062, "torso"],
  [J.pelvis, J.leftHip, 0.09, "pelvis"], [J.pelvis, J.rightHip, 0.09, "pelvis"],
  [J.pelvis, J.spine1, 0.11, "torso"], [J.spine2, J.spine1, 0.116, "torso"],
  [J.spine3, J.neck, 0.08, "torso"], [J.neck, J.head, 0.052, "joint"],
];

// Balls that close the rods: [joint, radius in metres, role].
export const BALLS = [
  [J.leftHip, 0.078, "left"], [J.leftKnee, 0.06, "joint"], [J.leftAnkle, 0.046, "joint"],
  [J.leftFoot, 0.036, "left"], [J.rightHip, 0.078, "right"], [J.rightKnee, 0.06, "joint"],
  [J.rightAnkle, 0.046, "joint"], [J.rightFoot, 0.036, "right"],
  [J.leftShoulder, 0.06, "joint"], [J.leftElbow, 0.043, "joint"],
  [J.rightShoulder, 0.06, "joint"], [J.rightElbow, 0.043, "joint"],
  [J.leftWrist, 0.034, "joint"], [J.rightWrist, 0.034, "joint"],
  [J.pelvis, 0.1, "pelvis"], [J.spine1, 0.106, "torso"], [J.spine2, 0.114, "torso"],
  [J.spine3, 0.104, "torso"], [J.neck, 0.056, "joint"],
];

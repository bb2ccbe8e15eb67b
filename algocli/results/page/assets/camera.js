// ---- Where the eye is. Both hemispheres read a camera mirrored, so that one camera shows the same part of each.

const DEGREE = Math.PI / 180;
// The page says which VIEWS there are: degrees to the back and upwards from the lateral view.
const HOME = "posterior";
const NEAREST = 20, FURTHEST = 0.5;
// The share of a canvas that the cortex fills.
const FILLED = 0.96;

const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const within = (low, value, high) => Math.min(high, Math.max(low, value));
const mirrored = (hemisphere) => (hemisphere === "right" ? -1 : 1);

// `pan` is the point in the middle of the canvas, in mm to the right and up.
function cameraAt(view) {
  const [azimuth, elevation] = VIEWS[view];
  return { azimuth, elevation, zoom: 1, pan: [0, 0] };
}

// Unit vectors to the right and up in the picture, and to the eye.
function axesOf(camera, hemisphere) {
  const [around, above] = [camera.azimuth * DEGREE, camera.elevation * DEGREE];
  const level = [-Math.cos(around) * mirrored(hemisphere), -Math.sin(around)];
  const eye = [level[0] * Math.cos(above), level[1] * Math.cos(above), Math.sin(above)];
  const up = [-level[0] * Math.sin(above), -level[1] * Math.sin(above), Math.cos(above)];
  return { right: cross(up, eye), up, eye };
}

const along = (axis, numbers, vertex) =>
  axis[0] * numbers[4 * vertex] + axis[1] * numbers[4 * vertex + 1] + axis[2] * numbers[4 * vertex + 2];

// How far a mesh reaches to the sides and up or down, in mm; a sample of its vertices says so.
function reach(mesh, axes) {
  const step = Math.max(1, Math.floor(mesh.nVertices / 3000));
  let wide = 1, tall = 1;
  for (let vertex = 0; vertex < mesh.nVertices; vertex += step) {
    wide = Math.max(wide, Math.abs(along(axes.right, mesh.points, vertex)));
    tall = Math.max(tall, Math.abs(along(axes.up, mesh.points, vertex)));
  }
  return [wide, tall];
}

// Pixels for a mm at which a mesh fills a canvas of a width and height in pixels.
function fitting(mesh, axes, width, height) {
  const [wide, tall] = reach(mesh, axes);
  return FILLED * Math.min(width / (2 * wide), height / (2 * tall));
}

// A drag of the width of the canvas turns by half a turn.
function turn(camera, hemisphere, across, down) {
  camera.azimuth -= 180 * across * mirrored(hemisphere);
  camera.elevation = within(-90, camera.elevation + 180 * down, 90);
}

function move(camera, hemisphere, right, up) {
  camera.pan = [camera.pan[0] - right * mirrored(hemisphere), camera.pan[1] - up];
}

// `held` is the point that stays where it is, in mm from the middle of the canvas.
function zoom(camera, hemisphere, factor, held = [0, 0]) {
  const next = within(FURTHEST, camera.zoom * factor, NEAREST);
  const moved = 1 - camera.zoom / next;
  move(camera, hemisphere, -held[0] * moved, -held[1] * moved);
  camera.zoom = next;
}

// Whether a camera looks from a view.
const isAt = (camera, view) => {
  const [azimuth, elevation] = VIEWS[view];
  const apart = Math.abs(((camera.azimuth - azimuth + 540) % 360 + 360) % 360 - 180);
  return apart < 0.5 && Math.abs(camera.elevation - elevation) < 0.5;
};

// A share of the way from one camera to another, the short way round.
function between(from, to, share) {
  const mix = (a, b) => a + (b - a) * share;
  const around = ((to.azimuth - from.azimuth + 540) % 360 + 360) % 360 - 180;
  return {
    azimuth: from.azimuth + around * share,
    elevation: mix(from.elevation, to.elevation),
    zoom: mix(from.zoom, to.zoom),
    pan: [mix(from.pan[0], to.pan[0]), mix(from.pan[1], to.pan[1])],
  };
}

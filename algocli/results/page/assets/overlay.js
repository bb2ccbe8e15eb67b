// ---- What is drawn over the cortex: the ring around a vertex that is held, and the names of ROIs.

// Where a vertex stands on the canvas in CSS pixels, and how much it faces the eye.
function standing(vertex, { mesh, axes, frame, width, height }) {
  const right = along(axes.right, mesh.points, vertex) * frame[0] + frame[2];
  const up = along(axes.up, mesh.points, vertex) * frame[1] + frame[3];
  return { x: (right + 1) * width / 2, y: (1 - up) * height / 2, facing: along(axes.eye, mesh.normals, vertex) };
}

function ring(context, vertex, scene) {
  const { x, y, facing } = standing(vertex, scene);
  if (facing <= 0) return;
  for (const [colour, width] of [["#000", 4], ["#fff", 1.75]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, 6, 0, 2 * Math.PI);
    context.stroke();
  }
}

// Names stand on the middles of their ROIs, those that face the eye most first; one without room is left out.
function writeNames(context, rois, scene) {
  const taken = [];
  context.font = "600 12px system-ui, Arial, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  rois.map((roi) => ({ name: roi.name, ...standing(middleOf(roi, scene.mesh), scene) }))
    .filter(({ facing }) => facing > 0.25)
    .sort((a, b) => b.facing - a.facing)
    .forEach(({ name, x, y }) => {
      const half = context.measureText(name).width / 2 + 3;
      if (taken.some((other) => Math.abs(other.x - x) < other.half + half && Math.abs(other.y - y) < 15)) return;
      taken.push({ x, y, half });
      context.strokeStyle = "#fff";
      context.lineWidth = 3.5;
      context.strokeText(name, x, y);
      context.fillStyle = "#111";
      context.fillText(name, x, y);
    });
}

// The vertex of a ROI that is nearest to the mean of all of them.
function middleOf(roi, { points }) {
  if (roi.middle === undefined) {
    const inside = [...roi.vertices];
    const mean = [0, 1, 2].map((axis) => inside.reduce((sum, i) => sum + points[4 * i + axis], 0) / inside.length);
    const apart = (i) => Math.hypot(...mean.map((at, axis) => points[4 * i + axis] - at));
    roi.middle = inside.reduce((best, i) => (apart(i) < apart(best) ? i : best), inside[0]);
  }
  return roi.middle;
}

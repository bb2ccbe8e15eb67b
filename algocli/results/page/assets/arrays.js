// ---- Arrays and meshes as the page holds them: deflated, in base64.

// How many numbers a row of a texture has.
const ACROSS = 1024;

async function unpack(text, Numbers) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Numbers(await new Response(stream).arrayBuffer());
}

// `points` has four numbers a vertex: mm to the right, front and top from the middle of the hemisphere, and the sulcal
// depth. `normals` has four too, the last one 0.
async function unpackMesh(packed) {
  const [counts, faces, depth] = await Promise.all([
    unpack(packed.points, Uint16Array), unpack(packed.faces, Uint32Array), unpack(packed.depth, Float32Array),
  ]);
  const points = new Float32Array(4 * depth.length);
  for (let axis = 0; axis < 3; axis++) {
    let low = Infinity, high = -Infinity;
    for (let i = axis; i < counts.length; i += 3) {
      low = Math.min(low, counts[i]);
      high = Math.max(high, counts[i]);
    }
    depth.forEach((_, i) => { points[4 * i + axis] = packed.step * (counts[3 * i + axis] - (low + high) / 2); });
  }
  depth.forEach((deep, i) => { points[4 * i + 3] = deep; });
  return { points, faces, normals: normalsOf(points, faces), nVertices: depth.length };
}

// The directions of the faces around each vertex, averaged, larger faces counting more.
function normalsOf(points, faces) {
  const normals = new Float32Array(points.length);
  const edge = (from, to) => [0, 1, 2].map((axis) => points[4 * to + axis] - points[4 * from + axis]);
  for (let i = 0; i < faces.length; i += 3) {
    const outward = cross(edge(faces[i], faces[i + 1]), edge(faces[i], faces[i + 2]));
    for (let corner = i; corner < i + 3; corner++) {
      for (let axis = 0; axis < 3; axis++) normals[4 * faces[corner] + axis] += outward[axis];
    }
  }
  for (let i = 0; i < normals.length; i += 4) {
    const length = Math.hypot(normals[i], normals[i + 1], normals[i + 2]) || 1;
    for (let axis = 0; axis < 3; axis++) normals[i + axis] /= length;
  }
  return normals;
}

async function unpackMap(packed, meshes) {
  const hemispheres = Object.keys(packed.panels[0].values);
  const opened = async (key) => ({ ...key, palette: await unpack(key.palette, Uint8Array) });
  const shared = await opened(packed.key);
  const panels = await Promise.all(packed.panels.map(async (panel) => ({
    name: panel.name,
    key: panel.key ? await opened(panel.key) : shared,
    values: await eachOf(hemispheres, async (h) => inPairs(await unpack(panel.values[h], Float32Array))),
  })));
  const outlines = await eachOf(hemispheres, (h) => Promise.all((packed.outlines[h] || []).map(
    async (roi) => ({ name: roi.name, vertices: new Set(await unpack(roi.vertices, Uint32Array)) }),
  )));
  const borders = await eachOf(hemispheres, async (h) => bordersOf(outlines[h], meshes[h]));
  return { panels, outlines, borders, hemispheres };
}

// What NaN does is left to the graphics card: beside each value stands a 1, or two zeros where there is none.
function inPairs(values) {
  const pairs = new Float32Array(2 * values.length);
  values.forEach((value, i) => { if (!Number.isNaN(value)) pairs.set([value, 1], 2 * i); });
  return pairs;
}

const valueAt = (pairs, vertex) => (pairs[2 * vertex + 1] ? pairs[2 * vertex] : null);

async function eachOf(names, make) {
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await make(name)])));
}

// What the painter needs to draw around ROIs. `soft` has a layer for each, with 0 to 255 for each vertex: at 127.5 is the
// border. Bit i of the four words of a vertex in `near` says that the i-th border is not far.
const MOST_OUTLINES = 128;
// Vertices of fsaverage5, on which one round of smoothing takes the zigzag out of a border.
const N_COARSE = 10242;

function bordersOf(rois, mesh) {
  const size = ACROSS * Math.ceil(mesh.nVertices / ACROSS);
  const n = Math.min(rois.length, MOST_OUTLINES);
  const soft = new Uint8Array(Math.max(1, n) * size);
  const near = new Uint32Array(4 * mesh.nVertices);
  for (let i = 0; i < n; i++) {
    softened(rois[i].vertices, mesh).forEach((share, vertex) => {
      soft[i * size + vertex] = Math.round(255 * share);
      if (share > 0.05 && share < 0.95) near[4 * vertex + (i >> 5)] |= 1 << (i & 31);
    });
  }
  return { soft, near, n };
}

// How much of each vertex is inside, 0 to 1: a third is told by its neighbours, on finer meshes more than once. Vertices
// inside stay above a half, and those outside below.
function softened(inside, { faces, nVertices }) {
  const nAround = new Uint32Array(nVertices);
  for (const vertex of faces) nAround[vertex] += 2;
  let shares = new Float32Array(nVertices);
  for (const vertex of inside) shares[vertex] = 1;
  for (let round = 0; round < Math.max(1, Math.round(Math.sqrt(nVertices / N_COARSE))); round++) {
    const around = new Float32Array(nVertices);
    for (let at = 0; at < faces.length; at += 3) {
      const [a, b, c] = [faces[at], faces[at + 1], faces[at + 2]];
      around[a] += shares[b] + shares[c];
      around[b] += shares[c] + shares[a];
      around[c] += shares[a] + shares[b];
    }
    shares = shares.map((share, vertex) => (2 * share + around[vertex] / (nAround[vertex] || 1)) / 3);
  }
  return shares.map((share, vertex) => (inside.has(vertex) ? Math.max(0.55, share) : Math.min(0.45, share)));
}

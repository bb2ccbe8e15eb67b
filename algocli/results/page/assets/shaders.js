// ---- What each pixel of the cortex shows. Every pixel knows the three vertices around it and their weights.

const PLACE = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
precision highp sampler2DArray;
ivec2 place(uint vertex) { return ivec2(int(vertex % ${ACROSS}u), int(vertex / ${ACROSS}u)); }
`;

const VERTEX_SHADER = `${PLACE}
uniform sampler2D points, normals;
uniform usampler2D faces;
uniform vec3 right, up, eye;
uniform vec4 frame;
flat out uvec3 corners;
out vec3 weights;
out float facing, depth;

void main() {
  uint first = 3u * (uint(gl_VertexID) / 3u);
  int corner = gl_VertexID % 3;
  for (int i = 0; i < 3; i++) corners[i] = texelFetch(faces, place(first + uint(i)), 0).r;
  weights = vec3(equal(ivec3(corner), ivec3(0, 1, 2)));
  vec4 point = texelFetch(points, place(corners[corner]), 0);
  facing = dot(eye, texelFetch(normals, place(corners[corner]), 0).xyz);
  depth = point.w;
  vec2 seen = vec2(dot(right, point.xyz), dot(up, point.xyz));
  gl_Position = vec4(seen * frame.xy + frame.zw, -dot(eye, point.xyz) / 400.0, 1.0);
}`;

// The rules are those of the printed maps. On a scale, a pixel shows a value where vertices with a value have at least
// half of the weight, and so on a wheel of directions; of categories it shows the one that prevails. Cortex is lighter
// on a gyrus than in a sulcus, and values are shaded less than cortex, so that a colour can be found again in the key.
const FRAGMENT_SHADER = `${PLACE}
uniform sampler2D values, palette;
uniform usampler2D near;
uniform sampler2DArray soft;
uniform vec3 gyrus, sulcus;
uniform bool isScale, isWheel, isPicking;
uniform vec2 ends;
uniform int nColours, nBorders;
uniform float lineWidth;
flat in uvec3 corners;
in vec3 weights;
in float facing, depth;
out vec4 colour;

const float DEEP = 0.3, CORTEX_EDGE = 0.55, VALUE_EDGE = 0.82;

// Pixels to the nearest border of a ROI.
float toBorder(vec3 across, vec3 down) {
  uvec4 around = uvec4(0u);
  for (int i = 0; i < 3; i++) around |= texelFetch(near, place(corners[i]), 0);
  float nearest = 1e6;
  if (around == uvec4(0u)) return nearest;
  for (int roi = 0; roi < nBorders; roi++) {
    int word = roi >> 5;
    uint bit = 1u << uint(roi & 31);
    if ((around[word] & bit) == 0u) continue;
    vec3 within;
    for (int i = 0; i < 3; i++) within[i] = texelFetch(soft, ivec3(place(corners[i]), roi), 0).r;
    float slope = length(vec2(dot(across, within), dot(down, within)));
    nearest = min(nearest, abs(dot(weights, within) - 0.5) / max(slope, 1e-6));
  }
  return nearest;
}

void main() {
  vec3 across = dFdx(weights), down = dFdy(weights);
  vec3 value, given;
  for (int i = 0; i < 3; i++) {
    vec2 found = texelFetch(values, place(corners[i]), 0).rg;
    value[i] = found.r;
    given[i] = found.g;
  }
  bool isShown;
  int shade;
  vec3 told = weights;
  if (isScale) {
    vec3 counted = weights * given;
    float total = counted.x + counted.y + counted.z;
    isShown = total >= 0.5;
    float share = (dot(counted, value) / max(total, 0.5) - ends.x) / (ends.y - ends.x);
    // Directions are weighed as arrows: between 350 and 10 degrees lies 0.
    if (isWheel) share = fract(atan(dot(counted, sin(radians(value))), dot(counted, cos(radians(value)))) / 6.2831853);
    shade = int(floor(clamp(share, 0.0, 1.0) * float(nColours)));
    if (isShown) told = counted;
  } else {
    vec3 codes = mix(vec3(-1.0), value, given);
    vec3 support;
    for (int i = 0; i < 3; i++) support[i] = dot(weights, vec3(equal(codes, vec3(codes[i]))));
    int best = support.x >= support.y && support.x >= support.z ? 0 : support.y >= support.z ? 1 : 2;
    isShown = codes[best] >= 0.0;
    shade = int(codes[best]);
    told = weights * vec3(equal(codes, vec3(codes[best])));
  }
  if (isPicking) {
    uint vertex = told.x >= told.y && told.x >= told.z ? corners.x : told.y >= told.z ? corners.y : corners.z;
    colour = vec4(uvec4(vertex, vertex >> 8u, vertex >> 16u, 255u) & 255u) / 255.0;
    return;
  }
  float turned = clamp(facing, 0.0, 1.0);
  float folded = clamp(depth / DEEP, -1.0, 1.0);
  vec3 cortex = mix(gyrus, sulcus, 0.5 + 0.5 * folded) * mix(CORTEX_EDGE, 1.0, turned);
  vec3 shown = texelFetch(palette, ivec2(clamp(shade, 0, nColours - 1), 0), 0).rgb * mix(VALUE_EDGE, 1.0, turned);
  vec3 seen = isShown ? shown : cortex;
  if (nBorders > 0) {
    // White within black is seen on every colour.
    float border = toBorder(across, down);
    seen = mix(seen, vec3(0.05), 1.0 - smoothstep(lineWidth, lineWidth + 1.0, border));
    seen = mix(seen, vec3(1.0), 1.0 - smoothstep(0.5 * lineWidth - 0.5, 0.5 * lineWidth + 0.5, border));
  }
  colour = vec4(seen, 1.0);
}`;

// ---- Paints the cortex. One painter serves all maps of a page: a browser has few WebGL contexts to give.

// Half the width of a line in CSS pixels.
const LINE = 0.75;
// What takes longer than this without a graphics card, is drawn coarsely while it turns.
const SLOW_MS = 20;

const GUTTER = 8;

class Painter {
  // Null where the browser has no WebGL 2.
  static make(onRestored) {
    const canvas = document.createElement("canvas");
    const gl = canvas.getContext("webgl2", { antialias: false });
    return gl ? new Painter(canvas, gl, onRestored) : null;
  }

  constructor(canvas, gl, onRestored) {
    this.canvas = canvas;
    this.gl = gl;
    this.prepare();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.prepare();
      onRestored();
    });
  }

  prepare() {
    const gl = this.gl;
    this.textures = new Map();
    this.program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX_SHADER], [gl.FRAGMENT_SHADER, FRAGMENT_SHADER]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`the map cannot be drawn: ${gl.getProgramInfoLog(this.program)}`);
    }
    this.uniforms = new Map();
    this.single = this.singlePixel();
    gl.enable(gl.CULL_FACE);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.SCISSOR_TEST);
  }

  // A picture of one pixel, to ask which vertex is there.
  singlePixel() {
    const gl = this.gl;
    const single = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, single);
    for (const [format, place] of [[gl.RGBA8, gl.COLOR_ATTACHMENT0], [gl.DEPTH_COMPONENT16, gl.DEPTH_ATTACHMENT]]) {
      const buffer = gl.createRenderbuffer();
      gl.bindRenderbuffer(gl.RENDERBUFFER, buffer);
      gl.renderbufferStorage(gl.RENDERBUFFER, format, 1, 1);
      gl.framebufferRenderbuffer(gl.FRAMEBUFFER, place, gl.RENDERBUFFER, buffer);
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    return single;
  }

  // Paints a scene over all of a canvas; `fineness` is in pixels of ours for one of CSS.
  paint(scene, target, fineness) {
    const gl = this.gl;
    const [width, height] = [scene.width, scene.height].map((side) => Math.round(side * fineness));
    // Growing only: a canvas that changes its size loses its buffers.
    if (this.canvas.width < width) this.canvas.width = width;
    if (this.canvas.height < height) this.canvas.height = height;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    const draw = () => this.draw(scene, scene.frame, width, height, false, LINE * fineness);
    draw();
    if (this.isSlow === undefined) this.isSlow = this.takes(draw) > SLOW_MS;
    const context = target.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, target.width, target.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.canvas, 0, this.canvas.height - height, width, height, 0, 0, target.width, target.height);
    return context;
  }

  takes(draw) {
    const wait = () => this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, new Uint8Array(4));
    wait();
    const started = performance.now();
    draw();
    wait();
    return performance.now() - started;
  }

  // Returns the vertex at a place of the scene, from -1 to 1 to the right and up, or null beside the cortex.
  pick(scene, [right, up], [width, height]) {
    const gl = this.gl;
    const [wide, tall, aside, above] = scene.frame;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.single);
    const magnified = [wide * width, tall * height, (aside - right) * width, (above - up) * height];
    this.draw(scene, magnified, 1, 1, true, 0);
    const bytes = new Uint8Array(4);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    return bytes[3] ? bytes[0] + 256 * bytes[1] + 65536 * bytes[2] : null;
  }

  draw({ mesh, values, borders, key, axes, cortex }, frame, width, height, isPicking, lineWidth) {
    const gl = this.gl;
    if (gl.isContextLost()) return;
    gl.viewport(0, 0, width, height);
    // What was painted before must not shine in at the edges when the picture is made smaller.
    gl.scissor(0, 0, width + GUTTER, height + GUTTER);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.useProgram(this.program);
    const isWheel = key.kind === "wheel", isScale = key.kind === "scale" || isWheel;
    [
      ["points", mesh.points, gl.RGBA32F],
      ["normals", mesh.normals, gl.RGBA32F],
      ["faces", mesh.faces, gl.R32UI],
      ["values", values, gl.RG32F],
      ["near", borders.near, gl.RGBA32UI],
      ["soft", borders.soft, gl.R8],
      ["palette", key.palette, gl.RGB8],
    ].forEach(([name, array, format], unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      this.bind(array, format, mesh.nVertices);
      gl.uniform1i(this.uniform(name), unit);
    });
    for (const name of ["right", "up", "eye"]) gl.uniform3fv(this.uniform(name), axes[name]);
    for (const name of ["gyrus", "sulcus"]) gl.uniform3fv(this.uniform(name), cortex[name]);
    gl.uniform4fv(this.uniform("frame"), frame);
    gl.uniform2f(this.uniform("ends"), isScale ? key.low : 0, isScale ? key.high : 1);
    gl.uniform1i(this.uniform("isScale"), isScale);
    gl.uniform1i(this.uniform("isWheel"), isWheel);
    gl.uniform1i(this.uniform("isPicking"), isPicking);
    gl.uniform1i(this.uniform("nColours"), key.palette.length / 3);
    gl.uniform1i(this.uniform("nBorders"), borders.n);
    gl.uniform1f(this.uniform("lineWidth"), lineWidth);
    gl.drawArrays(gl.TRIANGLES, 0, mesh.faces.length);
  }

  uniform(name) {
    if (!this.uniforms.has(name)) this.uniforms.set(name, this.gl.getUniformLocation(this.program, name));
    return this.uniforms.get(name);
  }

  // Binds the texture of an array, which is filled when the array is met first.
  bind(array, format, nVertices) {
    const gl = this.gl;
    const target = format === gl.R8 ? gl.TEXTURE_2D_ARRAY : gl.TEXTURE_2D;
    const known = this.textures.get(array);
    const texture = known || gl.createTexture();
    gl.bindTexture(target, texture);
    if (known) return;
    this.textures.set(array, texture);
    gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    const [layout, type, each] = {
      [gl.R8]: [gl.RED, gl.UNSIGNED_BYTE, 1],
      [gl.R32UI]: [gl.RED_INTEGER, gl.UNSIGNED_INT, 1],
      [gl.RGBA32UI]: [gl.RGBA_INTEGER, gl.UNSIGNED_INT, 4],
      [gl.RG32F]: [gl.RG, gl.FLOAT, 2],
      [gl.RGBA32F]: [gl.RGBA, gl.FLOAT, 4],
      [gl.RGB8]: [gl.RGB, gl.UNSIGNED_BYTE, 3],
    }[format];
    if (target === gl.TEXTURE_2D_ARRAY) {
      const rows = Math.ceil(nVertices / ACROSS);
      gl.texImage3D(target, 0, format, ACROSS, rows, array.length / (rows * ACROSS), 0, layout, type, array);
      return;
    }
    const rows = Math.ceil(array.length / each / ACROSS);
    const texels = new array.constructor(rows * ACROSS * each);
    texels.set(array);
    gl.texImage2D(target, 0, format, ACROSS, rows, 0, layout, type, texels);
  }
}

// Bare cortex is darker on dark paper, so that values stand out on either.
function cortexColours(element) {
  const style = getComputedStyle(element);
  const read = (name, usual) => {
    const colour = parseInt((style.getPropertyValue(name).trim() || usual).slice(1), 16);
    return [colour >> 16, (colour >> 8) & 255, colour & 255].map((channel) => channel / 255);
  };
  return { gyrus: read("--gyrus", "#cccccc"), sulcus: read("--sulcus", "#949494") };
}

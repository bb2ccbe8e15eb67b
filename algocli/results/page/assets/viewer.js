// ---- One map of a page: its canvases, what the reader does to them, and what is said of a vertex.

// Keys turn by a twelfth of a canvas's width, which is 15 degrees, and move by as much.
const KEY_STEP = 1 / 12, KEY_ZOOM = 1.25;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
// A pointer that has moved less than this, in pixels, has clicked.
const STILL = 4;
const TURNING_MS = 300;
const PRINTED_FINENESS = 3;
// Where painting is slow: how finely while something moves, and how long after it the fine picture follows.
const COARSE = 0.75, REFINED_AFTER_MS = 150;

class Viewer {
  constructor(section, painter, shown, meshes) {
    Object.assign(this, shown, { section, painter, meshes });
    this.stage = section.querySelector(".brain-stage");
    this.readout = new Readout(section, shown);
    this.tools = section.querySelector(".brain-tools");
    this.tiles = [...section.querySelectorAll("canvas")].map((canvas) => ({
      canvas, hemisphere: canvas.dataset.hemisphere, panel: this.panels[canvas.dataset.panel],
    }));
    this.cameras = Object.fromEntries(this.hemispheres.map((h) => [h, cameraAt(HOME)]));
    this.active = this.tiles[0];
    this.pinned = null;
    this.pointers = new Map();
    this.listen();
    section.querySelector(".brain-absent").hidden = true;
    this.tools.hidden = this.stage.hidden = false;
    this.readout.say(null);
    this.redraw();
  }

  listen() {
    for (const tile of this.tiles) this.listenTo(tile);
    this.stage.addEventListener("keydown", (event) => this.press(event));
    this.stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.tools.addEventListener("click", (event) => this.push(event.target.closest("button")));
    this.tools.addEventListener("change", (event) => this.tick(event.target));
    new ResizeObserver(() => this.redraw()).observe(this.stage);
    new IntersectionObserver(([entry]) => {
      this.isInSight = entry.isIntersecting;
      this.redraw();
    }, { rootMargin: "50%" }).observe(this.stage);
  }

  // ---- Drawing

  redraw() {
    if (this.isAwaited || !this.isInSight) return;
    this.isAwaited = true;
    this.stage.setAttribute("aria-busy", true);
    requestAnimationFrame(() => {
      this.isAwaited = false;
      if (this.isPrinting) return;
      clearTimeout(this.refining);
      if (!this.painter.isSlow) this.drawFinely();
      else {
        this.draw(devicePixelRatio, COARSE);
        this.refining = setTimeout(() => this.drawFinely(), REFINED_AFTER_MS);
      }
    });
  }

  drawFinely() {
    this.draw(devicePixelRatio, Math.max(2, devicePixelRatio));
    this.stage.setAttribute("aria-busy", false);
  }

  // In pixels for one of CSS: those of the canvases, and those that are painted.
  draw(fineness, painted) {
    this.cortex = cortexColours(this.stage);
    for (const tile of this.tiles) {
      const { canvas, hemisphere } = tile;
      const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * fineness));
      if (!width || !height) continue;
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
      const scene = this.sceneOf(tile);
      const context = this.painter.paint(scene, canvas, painted);
      context.setTransform(fineness, 0, 0, fineness, 0, 0);
      const names = this.tools.querySelector("[data-names]");
      if (names && names.checked) writeNames(context, this.outlines[hemisphere], scene);
      if (this.pinned && this.pinned.hemisphere === hemisphere) ring(context, this.pinned.vertex, scene);
    }
    for (const button of this.tools.querySelectorAll("[data-view]")) {
      const isPressed = this.hemispheres.every((h) => isAt(this.cameras[h], button.dataset.view));
      button.setAttribute("aria-pressed", isPressed);
    }
  }

  print() {
    this.isPrinting = true;
    clearTimeout(this.refining);
    this.draw(PRINTED_FINENESS, PRINTED_FINENESS);
  }

  resume() {
    this.isPrinting = false;
    this.redraw();
  }

  // All that is to be seen in a tile; its `frame` takes mm to the canvas's -1 to 1.
  sceneOf({ canvas, hemisphere, panel }) {
    const camera = this.cameras[hemisphere];
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const mesh = this.meshes[hemisphere];
    const axes = axesOf(camera, hemisphere);
    const perMm = camera.zoom * this.fitting(width, height, hemisphere);
    const [wide, tall] = [2 * perMm / width, 2 * perMm / height];
    const centre = [camera.pan[0] * mirrored(hemisphere), camera.pan[1]];
    return {
      mesh, axes, perMm, width, height,
      key: panel.key,
      values: panel.values[hemisphere],
      borders: this.borders[hemisphere],
      cortex: this.cortex,
      frame: [wide, tall, -wide * centre[0], -tall * centre[1]],
    };
  }

  // Hemispheres that turn together have one scale.
  fitting(width, height, hemisphere) {
    const together = this.isTogether() ? this.hemispheres : [hemisphere];
    return Math.min(...together.map((h) => fitting(this.meshes[h], axesOf(this.cameras[h], h), width, height)));
  }

  isTogether() {
    const box = this.tools.querySelector("[data-together]");
    return !box || box.checked;
  }

  change(hemisphere, how) {
    // Whoever takes hold of the cortex ends the turn to a view.
    this.turning = null;
    for (const h of this.isTogether() ? this.hemispheres : [hemisphere]) how(this.cameras[h]);
    this.redraw();
  }

  // ---- Pointers

  listenTo(tile) {
    const { canvas } = tile;
    canvas.addEventListener("pointerdown", (event) => {
      this.active = tile;
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, gone: 0 });
      canvas.classList.add("turning");
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.pointers.has(event.pointerId)) this.drag(tile, event);
      else if (event.pointerType !== "touch") this.hover(tile, event);
    });
    canvas.addEventListener("pointerup", (event) => {
      const pointer = this.pointers.get(event.pointerId);
      if (pointer && pointer.gone < STILL && this.pointers.size === 1) this.pin(tile, placeIn(canvas, event));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => {
        this.pointers.delete(event.pointerId);
        canvas.classList.remove("turning");
      });
    }
    canvas.addEventListener("pointerleave", () => this.readout.say(this.pinned));
  }

  // One pointer turns, or moves the cortex with Shift held; two spread to zoom, and turn too.
  drag(tile, event) {
    const { canvas, hemisphere } = tile;
    const pointer = this.pointers.get(event.pointerId);
    const [dx, dy] = [event.clientX - pointer.x, event.clientY - pointer.y];
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, other]) => other);
    pointer.gone += Math.hypot(dx, dy);
    const scene = this.sceneOf(tile);
    const apart = () => (others.length ? Math.hypot(pointer.x - others[0].x, pointer.y - others[0].y) : 1);
    const before = apart();
    Object.assign(pointer, { x: event.clientX, y: event.clientY });
    const spread = apart() / Math.max(before, 1);
    const share = 1 / (this.pointers.size * canvas.clientWidth);
    this.change(hemisphere, (camera) => {
      if (event.shiftKey) {
        move(camera, hemisphere, dx / scene.perMm, -dy / scene.perMm);
      } else {
        turn(camera, hemisphere, dx * share, dy * share);
        zoom(camera, hemisphere, spread);
      }
    });
  }

  hover(tile, event) {
    this.hovered = { tile, place: placeIn(tile.canvas, event) };
    if (this.isHovering) return;
    this.isHovering = true;
    requestAnimationFrame(() => {
      this.isHovering = false;
      this.readout.say(this.find(this.hovered.tile, this.hovered.place) || this.pinned);
    });
  }

  // Ctrl, or the focus, says that the wheel is meant for the map and not for the page.
  wheel(event) {
    if (!event.ctrlKey && document.activeElement !== this.stage) return;
    event.preventDefault();
    const tile = this.tiles.find(({ canvas }) => canvas === event.target) || this.active;
    const scene = this.sceneOf(tile);
    const [right, up] = placeIn(tile.canvas, event);
    const held = [right / scene.frame[0], up / scene.frame[1]];
    const pixels = event.deltaY * (event.deltaMode ? 16 : 1);
    this.change(tile.hemisphere, (camera) => zoom(camera, tile.hemisphere, Math.exp(-0.002 * pixels), held));
  }

  // ---- Keys and buttons

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { hemisphere } = this.active;
    const arrow = ARROWS[event.key];
    if (arrow && event.shiftKey) {
      const step = KEY_STEP * this.active.canvas.clientWidth / this.sceneOf(this.active).perMm;
      this.change(hemisphere, (camera) => move(camera, hemisphere, step * arrow[0], -step * arrow[1]));
    } else if (arrow) this.change(hemisphere, (camera) => turn(camera, hemisphere, ...arrow.map((d) => d * KEY_STEP)));
    else if (event.key === "+" || event.key === "=") this.change(hemisphere, (camera) => zoom(camera, hemisphere, KEY_ZOOM));
    else if (event.key === "-") this.change(hemisphere, (camera) => zoom(camera, hemisphere, 1 / KEY_ZOOM));
    else if (event.key === "Home" || event.key.toLowerCase() === "r") this.look(HOME);
    else if (event.key === "Enter" || event.key === " ") this.pin(this.active, [0, 0]);
    else if (event.key === "Escape" && this.pinned) this.unpin();
    else return;
    event.preventDefault();
  }

  push(button) {
    if (!button) return;
    const { view, zoom: factor } = button.dataset;
    if (view) this.look(view);
    else if (factor) this.change(this.active.hemisphere, (camera) => zoom(camera, this.active.hemisphere, Number(factor)));
    else this.look(HOME);
  }

  tick(box) {
    if ("together" in box.dataset && box.checked) {
      const { zoom: near, pan, azimuth, elevation } = this.cameras[this.active.hemisphere];
      for (const h of this.hemispheres) this.cameras[h] = { azimuth, elevation, zoom: near, pan: [...pan] };
    }
    this.redraw();
  }

  // Turns to a view the short way round, at once where the reader wants no motion.
  look(view) {
    const from = { ...this.cameras };
    const to = cameraAt(view);
    const started = performance.now();
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const turning = this.turning = {};
    const step = (now) => {
      if (this.turning !== turning) return;
      const share = isStill ? 1 : within(0, (now - started) / TURNING_MS, 1);
      for (const h of this.hemispheres) this.cameras[h] = between(from[h], to, share * share * (3 - 2 * share));
      this.redraw();
      if (share < 1) requestAnimationFrame(step);
    };
    step(started);
  }

  // ---- What is said of a vertex

  find(tile, place) {
    const { canvas, hemisphere, panel } = tile;
    const vertex = this.painter.pick(this.sceneOf(tile), place, [canvas.clientWidth, canvas.clientHeight]);
    return vertex === null ? null : { hemisphere, panel, vertex };
  }

  pin(tile, place) {
    this.pinned = this.find(tile, place);
    this.readout.say(this.pinned, "polite");
    this.redraw();
  }

  unpin() {
    this.pinned = null;
    this.readout.say(null);
    this.redraw();
  }
}

// From -1 to 1, to the right and up.
function placeIn(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return [2 * (event.clientX - box.left) / box.width - 1, 1 - 2 * (event.clientY - box.top) / box.height];
}

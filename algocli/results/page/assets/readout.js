// ---- What is said of a vertex: its place, its value on every panel and its ROIs, and where on the key that is.

const HINT = "Point at the cortex for a vertex and its value.";

class Readout {
  constructor(section, { panels, outlines, key }) {
    Object.assign(this, { panels, outlines, key });
    this.line = section.querySelector(".brain-readout");
    this.marker = section.querySelector(".brain-marker");
  }

  // A screen reader tells what was asked for by a click or a key, and not all that a pointer passes.
  say(found, live = "off") {
    this.line.setAttribute("aria-live", live);
    const value = found && valueAt(found.panel.values[found.hemisphere], found.vertex);
    this.line.textContent = found ? this.describe(found) : HINT;
    this.line.classList.toggle("brain-hint", !found);
    if (!this.marker) return;
    this.marker.setAttribute("visibility", value === null ? "hidden" : "visible");
    if (value === null) return;
    const share = within(0, (value - this.key.low) / (this.key.high - this.key.low), 1);
    this.marker.setAttribute("transform", `translate(${share * this.marker.dataset.width} 0)`);
  }

  describe({ hemisphere, vertex }) {
    const told = this.panels.map((panel) => {
      const value = this.write(valueAt(panel.values[hemisphere], vertex));
      return panel.name ? `${panel.name} ${value}` : value;
    }).join(", ");
    const rois = this.outlines[hemisphere].filter(({ vertices }) => vertices.has(vertex)).map(({ name }) => name);
    return `${hemisphere} hemisphere, fsaverage vertex ${vertex}: ${told}${rois.length ? `; in ${rois.join(", ")}` : ""}`;
  }

  write(value) {
    if (value === null) return "no value";
    if (this.key.kind === "categories") return this.key.names[value];
    const number = String(Number(value.toPrecision(4))).replaceAll("-", "\u2212");
    return this.panels.length > 1 ? number : `${this.key.label} ${number}`;
  }
}

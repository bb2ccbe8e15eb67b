// ---- What is said of a vertex: its place, its value on every panel and its ROIs, and where on the keys that is.

const TOUCHED = matchMedia("(pointer: coarse)");
const hint = () => `${TOUCHED.matches ? "Tap" : "Point at"} the cortex for a vertex and its value.`;

class Readout {
  constructor(section, { panels, outlines }) {
    Object.assign(this, { panels, outlines });
    this.line = section.querySelector(".brain-readout");
    // Either all panels share a key or each has its own.
    this.shared = section.querySelector(".brain-foot .brain-marker");
    this.markers = [...section.querySelectorAll(".brain-panel")].map((own) => own.querySelector(".brain-marker"));
  }

  // A screen reader tells what was asked for by a click or a key, and not all that a pointer passes.
  say(found, live = "off") {
    this.line.setAttribute("aria-live", live);
    this.line.textContent = found ? this.describe(found) : hint();
    this.line.classList.toggle("brain-hint", !found);
    this.mark(this.shared, found && found.panel, found);
    this.panels.forEach((panel, number) => this.mark(this.markers[number], panel, found));
  }

  mark(marker, panel, found) {
    if (!marker) return;
    const value = found && valueAt(panel.values[found.hemisphere], found.vertex);
    marker.setAttribute("visibility", value === null ? "hidden" : "visible");
    if (value === null) return;
    // As the clock does not, against which directions turn.
    if (panel.key.kind === "wheel") {
      marker.setAttribute("transform", `rotate(${-value} ${marker.dataset.middle})`);
      return;
    }
    const share = within(0, (value - panel.key.low) / (panel.key.high - panel.key.low), 1);
    marker.setAttribute("transform", `translate(${share * marker.dataset.width} 0)`);
  }

  describe({ hemisphere, vertex }) {
    const told = this.panels.map((panel) => {
      const value = this.write(valueAt(panel.values[hemisphere], vertex), panel.key);
      return panel.name ? `${panel.name} ${value}` : value;
    }).join(", ");
    const rois = this.outlines[hemisphere].filter(({ vertices }) => vertices.has(vertex)).map(({ name }) => name);
    return `${hemisphere} hemisphere, fsaverage vertex ${vertex}: ${told}${rois.length ? `; in ${rois.join(", ")}` : ""}`;
  }

  write(value, key) {
    if (value === null) return "no value";
    if (key.kind === "categories") return key.names[value];
    const number = String(Number(value.toPrecision(4))).replaceAll("-", "\u2212");
    return this.panels.length > 1 ? number : `${key.label} ${number}`;
  }
}

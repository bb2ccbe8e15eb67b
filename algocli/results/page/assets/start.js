// ---- Finds the maps of the page and gives each its viewer.

async function start() {
  const sections = [...document.querySelectorAll(".brain")];
  const viewers = [];
  const painter = sections.length ? Painter.make(() => viewers.forEach((viewer) => viewer.redraw())) : null;
  if (!painter) return;
  followTheme(viewers);
  const held = (ident) => JSON.parse(document.getElementById(ident).textContent);
  const meshes = new Map();
  const meshOf = (ident) => {
    if (!meshes.has(ident)) meshes.set(ident, unpackMesh(held(ident)));
    return meshes.get(ident);
  };
  for (const section of sections) {
    const packed = held(`${section.id}-data`);
    const hemispheres = Object.keys(packed.panels[0].values);
    const own = await eachOf(hemispheres, (h) => meshOf(`mesh-${packed.surface}-${h}`));
    viewers.push(new Viewer(section, painter, await unpackMap(packed, own), own));
  }
}

// The theme may change on the page or in the system. Paper is light, whatever the screen is.
function followTheme(viewers) {
  const root = document.documentElement;
  const redraw = () => viewers.forEach((viewer) => viewer.redraw());
  new MutationObserver(redraw).observe(root, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  let theme;
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    viewers.forEach((viewer) => viewer.print());
  });
  addEventListener("afterprint", () => {
    if (theme === undefined) delete root.dataset.theme;
    else root.dataset.theme = theme;
    viewers.forEach((viewer) => viewer.resume());
  });
}

start();

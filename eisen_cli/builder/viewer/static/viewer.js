// The volume viewer of eisen: an anywidget around the class Niivue.
//
// Python sends `scene` (what to show and how) and `go` (where to put the crosshair); this file sends back `position`
// (where the crosshair is, and the values under it) and `info` (whether the volumes are there, and their intensities).
// Volumes come by their addresses from the same server; nothing large passes through the model.

const SLICES = { axial: 0, coronal: 1, sagittal: 2, planes: 3, render: 4 };
const CROSSHAIR = 0.4; // per cent of the image
const LABEL_MAP = 1002; // the intent code that makes NiiVue treat a volume as labels
const DIFFERENCE_COLOURS = ["#ffd54f", "#ef5350", "#ab7df6"]; // missed, too much, another label
const DIFFERENCES = ["agreement", "missed", "too much", "another label"];

export default {
  async render({ model, el }) {
    const stage = new Stage(model, el);
    const onScene = () => stage.show(model.get("scene"));
    const onGo = () => stage.go(model.get("go"));
    model.on("change:scene", onScene);
    model.on("change:go", onGo);
    await stage.begin();
    return () => stage.end();
  },
};

class Stage {
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.shown = null; // the scene that is on the screen
    this.wanted = null; // the newest one
    this.pending = null; // a jump that waits for its volumes
    this.timer = 0;
  }

  async begin() {
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "slices of the case; arrow keys are not needed, drag to move the crosshair");
    this.el.classList.add("e-canvas");
    this.lines = document.createElement("canvas");
    this.lines.className = "e-lines";
    this.el.append(this.canvas, this.lines);
    this.canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.tell({ state: "error", message: "the graphics of the browser were lost; load the page again" });
    });
    try {
      if (!document.createElement("canvas").getContext("webgl2")) throw new NoGraphics();
      const { Niivue } = await import(new URL(this.model.get("script"), window.location.origin).href);
      await this.make(Niivue);
    } catch (error) {
      this.fail(error);
      return;
    }
    await this.show(this.model.get("scene"));
  }

  async make(Niivue) {
    const nv = new Niivue({
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.45, 0.85, 1, 0.75],
      crosshairWidth: CROSSHAIR,
      crosshairWidthUnit: "percent",
      fontColor: [0.75, 0.8, 0.85, 1],
      show3Dcrosshair: true,
      dragAndDropEnabled: false,
      multiplanarForceRender: false,
      multiplanarPadPixels: 6,
      isResizeCanvas: true,
      isSliceMM: false,
      viewModeHotKey: "",
      clipPlaneHotKey: "",
      cycleClipPlaneHotKey: "",
      logLevel: "error",
      loadingText: "",
    });
    const draw = nv.drawScene;
    nv.drawScene = (...rest) => {
      const made = draw.apply(nv, rest);
      this.outline();
      return made;
    };
    const filter = nv.updateInterpolation;
    nv.updateInterpolation = (layer, isLinear) => {
      const kept = nv.opts.isNearestInterpolation;
      nv.opts.isNearestInterpolation = kept || layer > 0; // labels have edges, whatever the image has
      filter.call(nv, layer, isLinear);
      nv.opts.isNearestInterpolation = kept;
    };
    nv.keyDownListener = () => {}; // letters belong to the page; arrows are below
    nv.keyUpListener = () => {};
    nv.onLocationChange = (place) => this.moved(place);
    nv.onIntensityChange = () => this.tellWindow();
    nv.opts.dragMode = 1; // right button: window from the region under it
    await nv.attachToCanvas(this.canvas, false);
    this.canvas.addEventListener("keydown", (event) => this.step(event));
    this.nv = nv;
  }

  /** Move the crosshair with the arrows and page keys. */
  step(event) {
    const moves = { ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, 1, 0], ArrowDown: [0, -1, 0], PageUp: [0, 0, 1], PageDown: [0, 0, -1] };
    const move = moves[event.key];
    if (!move || !this.nv.volumes.length) return;
    event.preventDefault();
    const turned = this.nv.opts.isRadiologicalConvention ? -move[0] : move[0];
    this.nv.moveCrosshairInVox(turned, move[1], move[2]);
  }

  /** Draw the borders of the overlays that want borders only, as lines over the picture. */
  outline() {
    const lines = this.lines.getContext("2d");
    if (this.lines.width !== this.canvas.width || this.lines.height !== this.canvas.height) {
      this.lines.width = this.canvas.width;
      this.lines.height = this.canvas.height;
    }
    lines.clearRect(0, 0, this.lines.width, this.lines.height);
    for (const volume of this.nv?.volumes ?? []) {
      const how = this.shown?.show?.[volume.eisenKey];
      if (!how?.on || !how.outline || !this.hasBorders(volume)) continue;
      lines.globalAlpha = how.opacity;
      lines.lineWidth = Math.max(1.5, 1.6 * (window.devicePixelRatio || 1));
      lines.setLineDash(volume.eisenKey === "prediction" ? [5, 4].map((x) => x * (window.devicePixelRatio || 1)) : []);
      this.nv.screenSlices.forEach((tile, number) => drawBorders(this.nv, lines, tile, number, volume));
    }
  }

  // ---- what is shown

  async show(scene) {
    if (!this.nv || !scene || !scene.volumes) return;
    this.wanted = scene;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.wanted !== this.shown) {
        const next = this.wanted;
        const isNew = !this.shown || JSON.stringify(addresses(this.shown)) !== JSON.stringify(addresses(next));
        if (isNew) await this.load(next);
        this.shown = next;
        this.apply(next, isNew);
      }
      if (this.pending) this.go(this.pending);
    } catch (error) {
      this.shown = this.wanted;
      this.fail(error);
    } finally {
      this.busy = false;
    }
  }

  async load(scene) {
    this.tell({ state: "loading" });
    await Promise.all(scene.volumes.map((volume) => reachable(volume.url)));
    const list = scene.volumes.map((volume) => ({ url: address(volume.url), name: `${volume.key}.nii.gz`, colormap: "gray" }));
    await this.nv.loadVolumes(list);
    this.nv.volumes.forEach((volume, number) => {
      volume.eisenKey = scene.volumes[number].key;
      volume.frame4D = 0;
      if (scene.volumes[number].labels) asLabels(volume, scene.volumes[number].labels);
    });
    const [one, other] = ["prediction", "reference"].map((key) => this.find(key));
    if (one?.hdr.intent_code === LABEL_MAP && other) this.nv.volumes.push(difference(one, other));
    this.nv.opts.isRadiologicalConvention = Boolean(scene.radiological);
    this.nv.scene.pan2Dxyzmm = [0, 0, 0, 1];
    this.nv.scene.crosshairPos = [0.5, 0.5, 0.5];
  }

  apply(scene, isNew) {
    const nv = this.nv, image = nv.volumes[0];
    for (const volume of nv.volumes) {
      const how = scene.show[volume.eisenKey];
      volume.opacity = how ? (how.on && (!how.outline || scene.layout === "render" || !this.hasBorders(volume)) ? how.opacity : 0) : 1;
    }
    image.frame4D = Math.min(scene.frame || 0, (image.nFrame4D || 1) - 1);
    const [low, high] = scene.window || this.usual(image);
    image.cal_min = low;
    image.cal_max = high;
    nv.opts.crosshairWidth = scene.crosshair ? CROSSHAIR : 0;
    nv.setInterpolation(!scene.smooth);
    nv.opts.multiplanarShowRender = scene.layout === "all" ? 1 : 0;
    nv.opts.multiplanarLayout = scene.layout === "all" ? 2 : 0; // two by two, or whatever fits best
    nv.opts.isOrientationTextVisible = !scene.flat;
    nv.setSliceType(scene.flat ? 0 : SLICES[scene.layout] ?? SLICES.planes);
    nv.updateGLVolume();
    nv.drawScene();
    nv.createOnLocationChange();
    this.el.dataset.scene = String(scene.n);
    this.tell({ state: "ready", ...this.intensities(image), channels: image.nFrame4D || 1, fresh: isNew });
  }

  /** Borders are drawn of label maps on the grid of the image, which those of a review are. */
  hasBorders(volume) {
    const grid = this.nv.volumes[0].dimsRAS;
    return Boolean(volume.eisenColours) && [1, 2, 3].every((axis) => volume.dimsRAS[axis] === grid[axis]);
  }

  usual(image) {
    const { low, high } = this.intensities(image);
    return [low, high];
  }

  intensities(image) {
    const known = image.frame4D
      ? channelRange(image)
      : [image.robust_min, image.robust_max, image.global_min, image.global_max];
    const [low, high, least, most] = known.map((value) => (Number.isFinite(value) ? value : 0));
    return { low, high: high > low ? high : low + 1, least, most, window: [image.cal_min, image.cal_max] };
  }

  tellWindow() {
    const image = this.nv.volumes[0];
    if (image && this.shown) this.tell({ state: "ready", ...this.intensities(image), dragged: true });
  }

  // ---- where the crosshair is

  go(target) {
    if (!target || !target.mm) return;
    if (!this.nv?.volumes.length || this.busy) {
      this.pending = target;
      return;
    }
    this.pending = null;
    this.nv.scene.crosshairPos = this.nv.mm2frac(target.mm, 0, true);
    this.nv.createOnLocationChange();
    this.nv.drawScene();
  }

  moved(place) {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.tellPosition(place), 60);
  }

  tellPosition(place) {
    const image = this.nv.volumes[0];
    if (!image) return;
    const mm = [...place.mm].slice(0, 3).map((x) => Math.round(x * 100) / 100);
    const values = {};
    place.values.forEach((value, number) => {
      const key = this.nv.volumes[number]?.eisenKey;
      if (key) values[key] = Number.isFinite(value.value) ? Math.round(value.value * 1e4) / 1e4 : null;
    });
    this.set("position", { voxel: voxelOf(image.hdr.affine, [...place.mm]), mm, values });
  }

  // ---- telling Python

  tell(info) {
    this.el.dataset.state = info.state;
    this.set("info", info);
  }

  fail(error) {
    const message = error instanceof NoGraphics
      ? "this browser shows no WebGL 2, which volumes need: switch hardware acceleration on, or use another browser"
      : String(error?.message || error);
    this.tell({ state: "error", message });
  }

  set(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  find(key) {
    return this.nv.volumes.find((volume) => volume.eisenKey === key);
  }

  end() {
    window.clearTimeout(this.timer);
    this.nv?.cleanup?.();
    this.nv?.gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

class NoGraphics extends Error {}

const address = (url) => new URL(url, window.location.origin).href;
const addresses = (scene) => scene.volumes.map((volume) => [volume.key, volume.url, volume.labels]);

async function reachable(url) {
  const answer = await fetch(address(url), { method: "HEAD", credentials: "same-origin" });
  if (!answer.ok) throw new Error(answer.headers.get("x-eisen-error") || `a volume could not be loaded (${answer.status})`);
}

/** Give a label map its colours; 0 is nothing. */
function asLabels(volume, labels) {
  const rows = [[0, 0, 0, 0, 0, "background"], ...labels.map((label) => [...rgb(label.colour), 255, label.value, label.name])];
  volume.hdr.intent_code = LABEL_MAP;
  volume.eisenColours = {
    R: rows.map((row) => row[0]),
    G: rows.map((row) => row[1]),
    B: rows.map((row) => row[2]),
    A: rows.map((row) => row[3]),
    I: rows.map((row) => row[4]),
    labels: rows.map((row) => row[5]),
  };
  volume.setColormapLabel(volume.eisenColours);
}

/** Return a volume of what one label map says and the other does not: 1 missed, 2 too much, 3 another label. */
function difference(prediction, reference) {
  const made = prediction.clone();
  const said = prediction.img, truth = reference.img;
  made.img = new Uint8Array(said.length);
  if (truth.length === said.length) {
    for (let i = 0; i < said.length; i++) {
      if (said[i] !== truth[i]) made.img[i] = said[i] === 0 ? 1 : truth[i] === 0 ? 2 : 3;
    }
  }
  made.hdr = { ...made.hdr, datatypeCode: 2, numBitsPerVoxel: 8 };
  made.eisenKey = "difference";
  made.name = "difference.nii.gz";
  asLabels(made, DIFFERENCE_COLOURS.map((colour, number) => ({ value: number + 1, name: DIFFERENCES[number + 1], colour })));
  return made;
}

/**
 * Draw the borders of labels in one slice on the screen: a line between two voxels of different labels, in the colour of
 * the label inside. In the plane of the slice, so that a border is a line wherever the slice is.
 */
function drawBorders(nv, lines, tile, number, volume) {
  if (tile.axCorSag > 2) return;
  const axes = [[0, 1, 2], [0, 2, 1], [1, 2, 0]][tile.axCorSag]; // across, up, through
  const place = placing(nv, tile, number, axes);
  if (!place) return;
  const size = volume.dimsRAS.slice(1, 4);
  const through = Math.min(size[axes[2]] - 1, Math.max(0, Math.floor(nv.scene.crosshairPos[axes[2]] * size[axes[2]])));
  const { img2RASstart: start, img2RASstep: step, img } = volume;
  const first = start[0] + start[1] + start[2] + through * step[axes[2]];
  const [nu, nv_] = [size[axes[0]], size[axes[1]]], [su, sv] = [step[axes[0]], step[axes[1]]];
  const value = (u, v) => (u < 0 || v < 0 || u >= nu || v >= nv_ ? 0 : img[first + u * su + v * sv]);
  const paths = new Map();
  const line = (label, a, b) => {
    if (!paths.has(label)) paths.set(label, new Path2D());
    paths.get(label).moveTo(...place(a[0] / nu, a[1] / nv_));
    paths.get(label).lineTo(...place(b[0] / nu, b[1] / nv_));
  };
  for (let v = 0; v <= nv_; v++) {
    for (let u = 0; u <= nu; u++) {
      const here = value(u, v), left = value(u - 1, v), below = value(u, v - 1);
      if (here !== left) line(here || left, [u, v], [u, v + 1]);
      if (here !== below) line(here || below, [u, v], [u + 1, v]);
    }
  }
  const [x, y, width, height] = tile.leftTopWidthHeight;
  lines.save();
  lines.beginPath();
  lines.rect(Math.min(x, x + width), y, Math.abs(width), height);
  lines.clip();
  for (const [label, path] of paths) {
    lines.strokeStyle = colourOf(volume, label);
    lines.stroke(path);
  }
  lines.restore();
}

/** Return what turns fractions of a slice, across and up, into pixels of the canvas; it is linear along each. */
function placing(nv, tile, number, axes) {
  const [x, y, width, height] = tile.leftTopWidthHeight;
  const [x0, x1, y0, y1] = [x + 0.25 * width, x + 0.75 * width, y + 0.25 * height, y + 0.75 * height];
  const a = nv.screenXY2TextureFrac(x0, y0, number, false), b = nv.screenXY2TextureFrac(x1, y1, number, false);
  const [du, dv] = [b[axes[0]] - a[axes[0]], b[axes[1]] - a[axes[1]]];
  if (!du || !dv) return null;
  return (u, v) => [x0 + ((u - a[axes[0]]) / du) * (x1 - x0), y0 + ((v - a[axes[1]]) / dv) * (y1 - y0)];
}

function colourOf(volume, label) {
  const { I, R, G, B } = volume.eisenColours;
  const at = I.indexOf(label);
  return at < 0 ? "#ffffff" : `rgb(${R[at]} ${G[at]} ${B[at]})`;
}

/** Return percentiles 2 and 98, minimum and maximum of the channel that is shown; NiiVue knows those of the first. */
function channelRange(image) {
  const n = image.dims[1] * image.dims[2] * image.dims[3];
  const stride = Math.max(1, Math.floor(n / 100000));
  const { scl_slope: slope, scl_inter: start } = image.hdr;
  const values = new Float64Array(Math.floor((n - 1) / stride) + 1);
  for (let i = 0; i < values.length; i++) values[i] = image.img[image.frame4D * n + i * stride] * (slope || 1) + (start || 0);
  const sorted = values.filter(Number.isFinite).sort();
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  return [at(0.02), at(0.98), at(0), at(1)];
}

const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

/** Return the voxel of the file that a position in millimetres is in: the inverse of its affine, by Cramer's rule. */
function voxelOf(affine, mm) {
  const m = affine.slice(0, 3).map((row) => row.slice(0, 3));
  const b = [0, 1, 2].map((i) => mm[i] - affine[i][3]);
  const det = (a) =>
    a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
    a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
    a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
  const whole = det(m);
  return [0, 1, 2].map((axis) => {
    const replaced = m.map((row, i) => row.map((x, j) => (j === axis ? b[i] : x)));
    return Math.round(det(replaced) / whole);
  });
}

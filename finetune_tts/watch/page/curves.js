// Curves over steps as SVG: the smoothed line, behind it what was measured, and how far neighbours differ.

const WIDTH = 440, HEIGHT = 240, LEFT = 52, RIGHT = 12, TOP = 14, BOTTOM = 28;
const SPLITS = { train: "training", eval: "held-out", heard: "heard in its samples" };
const charts = new Map(); // name → {figure, svg, reading, chart, place}

function svg(tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  if (text !== undefined) {
    element.textContent = text;
  }
  return element;
}

function showCurves() {
  part("no-curves").hidden = curves.length > 0;
  const box = part("curves"), names = new Set(curves.map((curve) => curve.name));
  for (const [name, shown] of charts) {
    if (!names.has(name)) {
      shown.figure.remove();
      charts.delete(name);
    }
  }
  curves.forEach((curve, index) => {
    const shown = charts.get(curve.name) ?? addChart(curve);
    if (box.children[index] !== shown.figure) {
      box.insertBefore(shown.figure, box.children[index] ?? null);
    }
    shown.curve = curve;
    shown.keys.replaceChildren(
      ...Object.keys(SPLITS).filter((split) => curve[split]).map((split) => make("span", `key ${split}`, SPLITS[split])),
      ...(curve.decides ? [make("span", "tag", "decides which model is best")] : []),
    );
    drawChart(shown);
  });
}

function addChart(curve) {
  const figure = document.createElement("figure"), caption = document.createElement("figcaption");
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${curve.name} over steps` });
  const shown = { figure, picture, curve, keys: make("span", "keys", ""), reading: make("p", "reading", ""), at: null };
  caption.append(make("b", "", curve.name), shown.keys);
  figure.append(caption, picture, shown.reading);
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    shown.at = (event.clientX - box.left) / box.width * WIDTH;
    readChart(shown);
  });
  picture.addEventListener("pointerleave", () => {
    shown.at = null;
    readChart(shown);
  });
  charts.set(curve.name, shown);
  return shown;
}

/** What of a curve is in sight, smoothed and scaled. */
function seen(line, first, scale, smoothing) {
  const points = [];
  let sum = 0, weight = 0;
  line.steps.forEach((step, index) => {
    sum = smoothing * sum + (1 - smoothing) * line.means[index];
    weight = smoothing * weight + 1 - smoothing;
    const [mean, low, high, smooth] = [line.means[index], line.lows[index], line.highs[index], sum / weight].map(scale);
    if (step >= first && Number.isFinite(mean) && Number.isFinite(smooth)) {
      points.push({ step, mean, low: Number.isFinite(low) ? low : mean, high, smooth });
    }
  });
  return points;
}

function drawChart(shown) {
  const { curve, picture } = shown, logarithmic = part("logarithmic").checked;
  const scale = logarithmic ? Math.log10 : (value) => value;
  const all = Object.keys(SPLITS).flatMap((split) => curve[split]?.steps ?? []);
  const last = all.reduce((one, other) => Math.max(one, other), 0);
  const first = last * (1 - Number(part("span").value));
  // Held-out losses, and what is heard, are means over all clips, and few: smoothed, they would only be late.
  const smoothing = (split) => (split === "train" && !curve.exact ? Number(part("smoothing").value) : 0);
  const lines = Object.keys(SPLITS).filter((split) => curve[split])
    .map((split) => [split, seen(curve[split], first, scale, smoothing(split))]).filter(([, points]) => points.length);
  picture.replaceChildren();
  shown.plot = null;
  if (!lines.length) {
    return;
  }
  const points = lines.flatMap(([, own]) => own), steps = points.map((point) => point.step);
  const values = points.map((point) => point.mean).sort((one, other) => one - other);
  // The first steps of a loss may be so high that the rest would lie flat: a twentieth may leave the picture.
  let low = values[0], high = values[Math.max(0, Math.ceil(0.96 * values.length) - 1)];
  high = Math.max(high, ...lines.map(([, own]) => own[own.length - 1].smooth));
  // Values that are the same differ by a rounding once they are smoothed.
  const isFlat = high - low <= 1e-9 * Math.max(Math.abs(low), Math.abs(high));
  const room = isFlat ? Math.abs(low) * 0.1 || 1 : 0.06 * (high - low);
  low -= room;
  high += room;
  const from = Math.min(...steps), to = Math.max(...steps, from + 1);
  const x = (step) => LEFT + (step - from) / (to - from) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - Math.min(1, Math.max(0, (value - low) / (high - low))) * (HEIGHT - TOP - BOTTOM);
  for (const value of ticks(low, high)) {
    const text = short(logarithmic ? 10 ** value : value);
    picture.append(svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "grid" }));
    picture.append(svg("text", { x: LEFT - 6, y: y(value), dy: "0.32em", "text-anchor": "end", class: "tick" }, text));
  }
  for (const step of ticks(from, to)) {
    const anchor = x(step) > WIDTH - 3 * RIGHT ? "end" : "middle";
    picture.append(svg("text", { x: x(step), y: HEIGHT - 9, "text-anchor": anchor, class: "tick" }, step.toLocaleString("en")));
  }
  const best = run.progress.best;
  if (best && best[0] >= from && best[0] <= to && curve.eval) {
    const beyond = x(best[0]) > WIDTH / 2;
    picture.append(svg("line", { x1: x(best[0]), x2: x(best[0]), y1: TOP, y2: HEIGHT - BOTTOM, class: "mark" }));
    picture.append(svg("text", {
      x: x(best[0]) + (beyond ? -5 : 5), y: TOP + 9, "text-anchor": beyond ? "end" : "start", class: "word",
    }, "best"));
  }
  const path = (own, value) => `M${own.map((point) => `${x(point.step).toFixed(1)} ${y(value(point)).toFixed(1)}`).join("L")}`;
  for (const [split, own] of lines) {
    const back = [...own].reverse();
    picture.append(svg("path", {
      d: `${path(own, (point) => point.high)}L${path(back, (point) => point.low).slice(1)}Z`, class: `band ${split}`,
    }));
    picture.append(svg("path", { d: path(own, (point) => point.mean), class: `raw ${split}` }));
    picture.append(svg("path", { d: path(own, (point) => point.smooth), class: `line ${split}` }));
    if (own.length <= 40) {
      picture.append(...own.map((point) => svg("circle", {
        cx: x(point.step), cy: y(point.mean), r: own.length === 1 ? 3 : 2, class: `dot ${split}`,
      })));
    }
  }
  shown.cross = svg("line", { y1: TOP, y2: HEIGHT - BOTTOM, x1: 0, x2: 0, class: "cross", visibility: "hidden" });
  picture.append(shown.cross);
  shown.plot = { lines, x, value: (scaled) => (logarithmic ? 10 ** scaled : scaled) };
  readChart(shown);
}

/** Say what the curves are where the pointer is, else at their ends. */
function readChart(shown) {
  if (!shown.plot) {
    shown.reading.textContent = "";
    return;
  }
  const { lines, x, value } = shown.plot;
  const words = lines.map(([split, own]) => {
    const point = shown.at === null ? own[own.length - 1]
      : own.reduce((one, other) => (Math.abs(x(other.step) - shown.at) < Math.abs(x(one.step) - shown.at) ? other : one));
    return { step: point.step, text: `${SPLITS[split]} ${short(value(point.mean))}` };
  });
  const step = Math.max(...words.map((word) => word.step));
  shown.reading.textContent = `step ${whole(step)}: ${words.map((word) => word.text).join(", ")}`;
  shown.cross.setAttribute("visibility", shown.at === null ? "hidden" : "visible");
  shown.cross.setAttribute("x1", x(step));
  shown.cross.setAttribute("x2", x(step));
}

function ticks(low, high) {
  const raw = (high - low) / 4, unit = 10 ** Math.floor(Math.log10(raw));
  const distance = [1, 2, 5, 10].map((factor) => factor * unit)
    .reduce((one, other) => (Math.abs(other - raw) < Math.abs(one - raw) ? other : one));
  const first = Math.ceil(low / distance), count = Math.floor(high / distance) - first + 1;
  return Array.from({ length: Math.min(count, 20) }, (_, index) => Number(((first + index) * distance).toPrecision(12)));
}

"use strict";
// The live page of a run, in one script: this file, curves.js, samples.js, start.js. Here: asking the server again and
// again, and what stands above the curves. Nothing that has not changed is built again, so that what somebody has chosen,
// and what is playing, stays.

const ASKING = 2000; // ms

const part = (id) => document.getElementById(id);
const STATES = {
  starting: "Starting", running: "Running", ended: "Ended", stopped: "Stopped", failed: "Failed", silent: "No sign of life",
};

let run = null; // what the server said last
let curves = []; // of the run, which are not sent again while they are the same
let version = -1;

async function ask() {
  let answer;
  try {
    answer = await fetch(`run?seen=${version}`);
  } catch {
    complain("The page is no longer served: start tts-finetune --watch again.");
    return;
  }
  const found = await answer.json();
  if (answer.status !== 200) {
    complain(found.error);
    return;
  }
  part("alert").hidden = true;
  run = found;
  version = found.version;
  showRun();
  if (found.curves) {
    curves = found.curves;
    showCurves();
  }
  showSamples();
  showModels();
  showWarnings();
}

function complain(message) {
  part("alert").textContent = message;
  part("alert").hidden = false;
}

const whole = (number) => Math.round(number).toLocaleString("en");

function duration(seconds) {
  if (seconds < 90) {
    return `${Math.round(seconds)} s`;
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${whole(Math.floor(minutes / 60))} h ${String(minutes % 60).padStart(2, "0")} min`;
}

function short(value) {
  const size = Math.abs(value);
  const isPlain = size === 0 || (size >= 1e-3 && size < 1e5);
  return isPlain ? String(Number(value.toPrecision(4))) : value.toExponential(2).replace(/\.?0+e/, "e");
}

function showRun() {
  const { state, progress } = run, over = !["running", "starting"].includes(state.word);
  document.title = `${run.name}: ${STATES[state.word].toLowerCase()}`;
  part("title").textContent = run.name;
  part("state").textContent = STATES[state.word];
  part("state").className = `state ${state.word}`;
  part("age").textContent = `last written ${duration(state.age)} ago`;
  part("facts").textContent = run.facts.join(" · ");
  part("why").textContent = state.text;
  part("why").hidden = !state.text;
  part("folder").textContent = run.folder;
  const share = progress.total ? Math.min(1, progress.step / progress.total) : 0;
  part("bar").hidden = !progress.total;
  part("bar").setAttribute("aria-valuenow", Math.round(100 * share));
  part("done").style.width = `${100 * share}%`;
  part("step").textContent = whole(progress.step) + (progress.total ? ` of ${whole(progress.total)}` : "")
    + ` · epoch ${whole(progress.epoch)}`;
  part("speed").textContent = progress.speed ? `${short(progress.speed)} steps/s` : "–";
  part("seconds").textContent = duration(progress.seconds);
  part("left").textContent = over || progress.left === null ? "–" : duration(progress.left);
  part("best").textContent = bestText(progress);
}

function bestText({ best, since_best: since }) {
  if (!best) {
    return "–";
  }
  const later = since === 0 ? "the last evaluation" : `${whole(since)} evaluation${since === 1 ? "" : "s"} since`;
  return `${short(best[1])} at step ${whole(best[0])}, ${later}`;
}

/** Put rows into a list, unless they are there already. */
function fill(id, rows, make) {
  const box = part(id), wanted = JSON.stringify(rows);
  if (box.dataset.shown !== wanted) {
    box.dataset.shown = wanted;
    box.replaceChildren(...rows.map(make));
  }
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function showModels() {
  part("models").hidden = !run.models.length;
  part("no-models").hidden = run.models.length > 0;
  part("report").hidden = !run.report;
  fill("model-rows", [...run.models].reverse(), (model) => {
    const row = document.createElement("tr"), note = document.createElement("td");
    if (model.best) {
      note.append(make("span", "tag", "best"));
    }
    if (model.by_ear) {
      note.append(make("span", "tag", `best by ${model.by_ear}`));
    }
    row.append(make("td", "", whole(model.step)), make("td", "", model.name), note);
    return row;
  });
}

function showWarnings() {
  part("no-warnings").hidden = run.warnings.length > 0;
  fill("warnings", run.warnings, (warning) => {
    const row = document.createElement("li");
    if (warning.time) {
      row.append(make("time", "", warning.time));
    }
    row.append(warning.text);
    return row;
  });
  part("warnings-title").textContent = run.warned ? `Warnings (${whole(run.warned)} in the log)` : "Warnings";
}

"use strict";
// The page of a review, in one script: this file, list.js, clip.js, start.js. With data in itself it is a copy to look
// and listen; else it asks the server that it came from. Here: what is known, what is not saved yet, how it is saved.

const ROW = 56; // px, as in the style
const SPARE = 8; // rows beyond the visible ones
const TYPING = 700, NUDGING = 300, PASSING = 50, ASKING = 3000; // ms

const part = (id) => document.getElementById(id);
const audio = part("audio"), list = part("list"), rows = part("rows"), text = part("text"), canvas = part("canvas");

let data = JSON.parse(part("data").textContent);
const isCopy = data !== null;
const clips = new Map(); // name → clip, as the server knows it
const drafts = new Map(); // name → {base, value}: text that is not saved yet, and what it was made of
let shown = []; // names, in the order of the list; it stays while clips change, so that nothing jumps
let selected = null; // a name
let wave = null; // {name, start, rate, peaks, obstacle}
let cut = null; // {name, start, end}: cuts that are not saved yet
let dispute = null; // the name of a clip whose text another window has changed
let lastTyped = null; // number of the edit that typing goes on with
let pending = 0;
let ended = false;

// ---- the server

let chain = Promise.resolve();

/** Do one thing after the other, so that each sees what the one before has changed. */
function enqueue(task) {
  pending += 1;
  sayState();
  chain = chain.then(task).catch((error) => complain(String(error))).finally(() => {
    pending -= 1;
    sayState();
  });
  return chain;
}

async function ask(path, content, leaving = false) {
  const options = content === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content), keepalive: leaving,
  };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    ended = true;
    return { status: 0, error: "The server has ended: start the review again. This window keeps what is not saved." };
  }
  ended = false;
  return { ...await answer.json(), status: answer.status };
}

function edit(name, wanted, seen, more = {}) {
  return ask("edit", { clip: name, wanted, seen, ...more });
}

/** Take over what an answer says; whether it was what was asked for. */
function take(answer) {
  if ("undoable" in answer) {
    data.undoable = answer.undoable;
    data.redoable = answer.redoable;
  }
  for (const clip of answer.clips ?? (answer.clip ? [answer.clip] : [])) {
    update(clip);
  }
  part("undo").disabled = !data.undoable;
  part("redo").disabled = !data.redoable;
  if (answer.status !== 200) {
    complain(answer.error);
  }
  return answer.status === 200;
}

function update(clip) {
  const before = clips.get(clip.name);
  clips.set(clip.name, clip);
  if (clip.name === selected) {
    showClip();
    if (before.start !== clip.start || before.end !== clip.end) {
      loadSound();
    }
  }
  drawRows();
  count();
}

function saveText(name, leaving = false) {
  const draft = drafts.get(name);
  if (!draft || name === dispute) {
    return chain;
  }
  if (!draft.value.trim() && clips.get(name).kept) {
    complain(`${name} has no text. Write what is said, or drop the clip.`);
    return chain;
  }
  const send = async () => {
    const value = draft.value;
    if (drafts.get(name) !== draft || value === draft.sent) {
      return;
    }
    const more = lastTyped && lastTyped.name === name ? { continued: lastTyped.number } : {};
    draft.sent = value;
    const answer = await edit(name, { text: value }, { text: draft.base }, more);
    if (answer.status === 409 && answer.clip) {
      dispute = name;
    } else if (answer.status === 200) {
      lastTyped = { name, number: answer.undoable ? answer.undoable.number : null };
      draft.base = answer.clip.text;
      if (draft.value === value) {
        drafts.delete(name);
      }
    }
    draft.sent = undefined;
    if (take(answer) && !dispute) {
      hush();
    }
  };
  if (leaving) { // there is no time to wait for what was asked before
    if (draft.value !== draft.sent) {
      ask("edit", { clip: name, wanted: { text: draft.value }, seen: { text: draft.sent ?? draft.base } }, true);
    }
    return chain;
  }
  return enqueue(send);
}

function saveCut() {
  clearTimeout(saveCut.timer);
  const moved = cut;
  if (!moved) {
    return chain;
  }
  return enqueue(async () => {
    const { name, start, end } = moved, clip = clips.get(name);
    let answer = null;
    if (start !== clip.start || end !== clip.end) {
      answer = await edit(name, { start, end }, { start: clip.start, end: clip.end });
    }
    const goesOn = moved.start !== start || moved.end !== end; // moved once more while it was saved
    if (cut === moved && !(goesOn && answer?.status === 200)) {
      cut = null;
    }
    if (answer && take(answer)) {
      hush();
    } else {
      showClip();
      draw();
    }
  });
}

function setFields(wanted) {
  const name = selected;
  return enqueue(async () => {
    const clip = clips.get(name);
    const seen = Object.fromEntries(Object.keys(wanted).map((field) => [field, clip[field]]));
    if (take(await edit(name, wanted, seen))) {
      hush();
    }
  });
}

function saveAll() {
  saveText(selected);
  return saveCut();
}

async function turn(what) {
  saveAll();
  await enqueue(async () => {
    const next = what === "undo" ? data.undoable : data.redoable;
    if (!next) {
      return;
    }
    lastTyped = null;
    const answer = await ask(what, { number: next.number });
    if (answer.status === 200) {
      drafts.delete(next.clip);
      hush();
    }
    take(answer);
    if (answer.clip) {
      select(answer.clip.name);
    }
  });
}

async function lookForChanges() {
  if (document.hidden || pending) {
    return;
  }
  chain = chain.then(async () => {
    const wasEnded = ended;
    const answer = await ask(`changes?since=${data.sequence}`);
    if (answer.status === 200) {
      data.sequence = answer.sequence;
      take(answer);
      if (wasEnded) {
        hush();
        [...drafts.keys()].forEach((name) => saveText(name));
      }
    } else if (ended && !wasEnded) {
      complain(answer.error);
    }
    sayState();
  });
}

// ---- words

function complain(message) {
  part("message").textContent = message;
  part("alert").hidden = false;
  const open = dispute !== null && dispute === selected;
  part("mine").hidden = part("theirs").hidden = !open;
  if (open) {
    part("message").textContent = `${message} There it is: “${clips.get(dispute).text}”`;
  }
}

function hush() {
  part("alert").hidden = true;
}

function sayState() {
  const unsaved = drafts.size > 0 || cut !== null;
  part("status").textContent = isCopy ? "" : ended ? "Not connected" : pending ? "Saving …"
    : unsaved ? "Not saved yet" : "Saved";
}

function duration(seconds) {
  const minutes = seconds / 60;
  return minutes < 90 ? `${minutes.toFixed(1)} min` : `${(minutes / 60).toFixed(1)} h`;
}

function clock(seconds) {
  const whole = Math.floor(seconds / 60);
  return `${whole}:${(seconds - 60 * whole).toFixed(2).padStart(5, "0")}`;
}

const percent = (clip) => `${Math.round(100 * clip.confidence)} %`;
const length = (clip) => `${(clip.end - clip.start).toFixed(1)} s`;
const isDoubtful = (clip) => clip.kept && (clip.confidence < data.doubtful || clip.reason !== "");

function count() {
  let kept = 0, seconds = 0, doubtful = 0;
  for (const clip of clips.values()) {
    kept += clip.kept;
    seconds += clip.kept ? clip.end - clip.start : 0;
    doubtful += isDoubtful(clip);
  }
  part("counts").textContent = `${duration(seconds)} kept · ${kept.toLocaleString("en")} of `
    + `${clips.size.toLocaleString("en")} clips · ${doubtful.toLocaleString("en")} doubtful`;
}

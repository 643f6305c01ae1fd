// Keys, buttons, and how the page begins.

async function confirmAndGoOn() {
  const clip = clips.get(selected);
  const changed = drafts.has(selected);
  if (changed) {
    if (!drafts.get(selected).value.trim() && clip.kept) {
      saveText(selected);
      return;
    }
    saveText(selected);
  } else if (clip.kept && (clip.confidence < 1 || clip.reason)) {
    setFields({ confidence: 1 });
  }
  step(1);
  list.focus({ preventScroll: true });
}

function editText() {
  text.focus();
  text.setSelectionRange(text.value.length, text.value.length);
}

const KEYS = {
  " ": play,
  ArrowLeft: () => seek(audio.currentTime - 0.5),
  ArrowRight: () => seek(audio.currentTime + 0.5),
  ArrowUp: () => step(-1),
  ArrowDown: () => step(1),
  PageUp: () => step(-10),
  PageDown: () => step(10),
  Home: () => step(-shown.length),
  End: () => step(shown.length),
  "/": () => part("find").focus(),
  "?": () => part("help").showModal(),
};
const EDITING_KEYS = {
  Enter: confirmAndGoOn,
  e: editText,
  d: () => setFields({ kept: !clips.get(selected).kept }),
  a: (by) => nudge("start", -by),
  s: (by) => nudge("start", by),
  k: (by) => nudge("end", -by),
  l: (by) => nudge("end", by),
  z: (by, shift) => turn(shift ? "redo" : "undo"),
};

function onKey(event) {
  const target = event.target, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (part("help").open || event.isComposing || event.altKey || !selected) {
    return;
  }
  if (event.ctrlKey || event.metaKey) {
    if (!target.matches("textarea, input") && !isCopy && (key === "z" || key === "y")) {
      event.preventDefault();
      turn(key === "y" || event.shiftKey ? "redo" : "undo");
    }
    return;
  }
  if (target.matches("textarea, input[type=search], select")) {
    if (key === "Escape" || (key === "Enter" && target.matches("input"))) {
      list.focus({ preventScroll: true });
    } else if (key === "Enter" && target === text && !event.shiftKey && !isCopy) {
      event.preventDefault();
      confirmAndGoOn();
    }
    return;
  }
  const ownKey = key === " " || key === "Enter" || (target.type === "radio" && key.startsWith("Arrow"));
  if (target.matches("button, input") && ownKey) {
    return;
  }
  if (target.matches(".edge") && key.startsWith("Arrow")) {
    event.preventDefault();
    const back = key === "ArrowLeft" || key === "ArrowDown";
    nudge(target.id === "from" ? "start" : "end", (event.shiftKey ? 50 : 10) * (back ? -1 : 1));
    return;
  }
  const action = KEYS[key] ?? (isCopy ? undefined : EDITING_KEYS[key]);
  if (action) {
    event.preventDefault();
    action(event.shiftKey ? 10 : 50, event.shiftKey);
  }
}

function drag(event) {
  const edge = event.currentTarget, which = edge.id === "from" ? "start" : "end";
  const box = canvas.getBoundingClientRect(), { first, seconds } = span();
  const move = (moved) => moveCut(which, first + (moved.clientX - box.left) / box.width * seconds, null);
  const stop = () => {
    edge.removeEventListener("pointermove", move);
    saveCut();
  };
  event.preventDefault();
  edge.focus();
  edge.setPointerCapture(event.pointerId);
  edge.addEventListener("pointermove", move);
  edge.addEventListener("lostpointercapture", stop, { once: true });
}

function typed() {
  const clip = clips.get(selected), draft = drafts.get(selected);
  if (text.value === clip.text && !draft?.sent) {
    drafts.delete(selected);
  } else if (draft) {
    draft.value = text.value;
  } else {
    drafts.set(selected, { base: clip.text, value: text.value });
  }
  sayState();
  drawRows();
  clearTimeout(typed.timer);
  const name = selected;
  typed.timer = setTimeout(() => text.value.trim() && saveText(name), TYPING);
}

function settle(mine) {
  const name = dispute, draft = drafts.get(name);
  dispute = null;
  hush();
  if (mine) {
    draft.base = clips.get(name).text;
    saveText(name);
  } else {
    drafts.delete(name);
  }
  if (name === selected) {
    text.value = mine ? draft.value : clips.get(name).text;
  }
  sayState();
}

function listen() {
  document.addEventListener("keydown", onKey);
  list.addEventListener("scroll", drawRows, { passive: true });
  list.addEventListener("click", (event) => {
    const found = event.target.closest(".row");
    if (found) {
      select(found.dataset.name);
    }
  });
  part("filter").addEventListener("change", arrange);
  part("order").addEventListener("change", arrange);
  part("find").addEventListener("input", arrange);
  part("play").addEventListener("click", play);
  part("previous").addEventListener("click", () => step(-1));
  part("next").addEventListener("click", () => step(1));
  part("keys").addEventListener("click", () => part("help").showModal());
  part("dismiss").addEventListener("click", hush);
  canvas.addEventListener("click", (event) => {
    const clip = clips.get(selected), box = canvas.getBoundingClientRect(), { first, seconds } = span();
    const time = first + (event.clientX - box.left) / box.width * seconds;
    if (time >= clip.start && time < clip.end) {
      seek(time - clip.start);
      startPlaying();
    }
  });
  for (const happened of ["play", "pause", "ended"]) {
    audio.addEventListener(happened, showPlaying);
  }
  new ResizeObserver(() => { draw(); drawRows(); }).observe(part("waveform"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  if (isCopy) {
    return;
  }
  text.addEventListener("input", typed);
  text.addEventListener("blur", () => {
    const name = text.dataset.name;
    saveText(name).then(() => { lastTyped = null; });
  });
  part("undo").addEventListener("click", () => turn("undo"));
  part("redo").addEventListener("click", () => turn("redo"));
  part("right").addEventListener("click", confirmAndGoOn);
  part("keep").addEventListener("click", () => EDITING_KEYS.d());
  part("mine").addEventListener("click", () => settle(true));
  part("theirs").addEventListener("click", () => settle(false));
  for (const button of document.querySelectorAll("[data-edge]")) {
    button.addEventListener("click", () => nudge(button.dataset.edge, Number(button.dataset.by)));
  }
  for (const id of ["from", "to"]) {
    part(id).addEventListener("pointerdown", drag);
  }
  addEventListener("pagehide", () => {
    for (const name of drafts.keys()) {
      saveText(name, true);
    }
    if (cut) {
      const { name, start, end } = cut, clip = clips.get(name);
      ask("edit", { clip: name, wanted: { start, end }, seen: { start: clip.start, end: clip.end } }, true);
    }
  });
  addEventListener("beforeunload", (event) => {
    if (ended && drafts.size) {
      event.preventDefault();
    }
  });
  setInterval(lookForChanges, ASKING);
  document.addEventListener("visibilitychange", lookForChanges);
}

async function begin() {
  if (!isCopy) {
    history.replaceState(null, "", "/"); // the key has done its work
    data = await ask("clips");
    if (data.status !== 200) {
      complain(data.error);
      return;
    }
  }
  for (const clip of data.clips) {
    clips.set(clip.name, clip);
  }
  document.title = `${data.name}: review`;
  part("title").textContent = data.name;
  document.body.classList.toggle("static", isCopy);
  part("copy").hidden = !isCopy;
  part("command").textContent = `tts-finetune --review ${data.name}`;
  text.readOnly = isCopy;
  part("undo").disabled = !data.undoable;
  part("redo").disabled = !data.redoable;
  listen();
  count();
  arrange();
  sayState();
  list.focus({ preventScroll: true });
}

begin();

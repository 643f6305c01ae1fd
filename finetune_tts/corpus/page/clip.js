// One clip: what is said about it, its waveform with its cuts, and playing it.

function showClip() {
  const clip = clips.get(selected), { start, end } = cutOf(clip);
  part("detail").hidden = false;
  part("nothing").hidden = true;
  part("name").textContent = clip.name;
  part("mark").textContent = clip.kept ? `${percent(clip)} confident` : "dropped";
  part("mark").className = !clip.kept || isDoubtful(clip) ? "doubt" : "";
  const recording = clip.source.split(/[\\/]/).pop();
  part("place").textContent = `${length({ start, end })} · ${recording}, ${clock(start)} – ${clock(end)}`;
  part("place").title = clip.source;
  part("reason").textContent = clip.reason;
  part("reason").hidden = !clip.reason;
  part("keep").textContent = clip.kept ? "Drop" : "Keep";
  part("right").hidden = !clip.kept;
  const draft = drafts.get(selected), value = draft ? draft.value : clip.text;
  if (text.value !== value && !(document.activeElement === text && text.dataset.name === selected && draft)) {
    text.value = value;
  }
  text.dataset.name = selected;
}

const cutOf = (clip) => (cut && cut.name === clip.name ? cut : clip);

async function loadSound(play = false) {
  const name = selected, clip = clips.get(name);
  const file = encodeURIComponent(name);
  audio.pause();
  audio.src = isCopy ? `${data.folder}/${file}.${data.format}` : `sound/${file}?cut=${clip.start}-${clip.end}`;
  if (play) {
    startPlaying();
  }
  if (wave && wave.name !== name) {
    wave = null;
  }
  draw();
  let found;
  if (isCopy) {
    found = { status: 200, start: clip.start, peaks: data.peaks[name] ?? "", obstacle: "" };
  } else {
    await new Promise((go) => setTimeout(go, PASSING)); // whoever holds an arrow key down passes many
    if (name !== selected) {
      return;
    }
    found = await ask(`waveform/${file}`);
    if (found.status !== 200) {
      found = { start: clip.start, peaks: "", obstacle: found.error };
    }
  }
  const now = clips.get(name);
  if (name !== selected || now.start !== clip.start || now.end !== clip.end) {
    return; // another one is asked for by now
  }
  wave = { name, start: found.start, rate: data.rate, peaks: found.peaks, obstacle: found.obstacle };
  part("obstacle").textContent = wave.obstacle;
  part("obstacle").hidden = !wave.obstacle;
  for (const button of document.querySelectorAll("[data-edge]")) {
    button.disabled = Boolean(wave.obstacle);
  }
  draw();
}

function span() {
  const clip = clips.get(selected);
  const seconds = wave && wave.peaks.length ? wave.peaks.length / wave.rate : clip.end - clip.start;
  return { first: wave ? wave.start : clip.start, seconds };
}

function draw() {
  if (!selected) {
    return;
  }
  const clip = clips.get(selected), { start, end } = cutOf(clip), { first, seconds } = span();
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  pen.scale(ratio, ratio);
  const at = (time) => (time - first) / seconds * width;
  if (wave) {
    const bars = Math.min(wave.peaks.length, Math.floor(width / 3));
    for (let bar = 0; bar < bars; bar += 1) {
      let level = 0;
      const from = Math.floor(bar * wave.peaks.length / bars), to = Math.floor((bar + 1) * wave.peaks.length / bars);
      for (let index = from; index < to; index += 1) {
        level = Math.max(level, data.levels.indexOf(wave.peaks[index]));
      }
      const time = first + (bar + 0.5) / bars * seconds;
      const size = Math.max(2, level / (data.levels.length - 1) * (height - 16));
      pen.fillStyle = colour(time >= start && time <= end ? "--wave" : "--aside");
      pen.fillRect(bar / bars * width + 0.5, (height - size) / 2, Math.max(1, width / bars - 1), size);
    }
  }
  if (audio.currentTime > 0) {
    pen.fillStyle = colour("--head");
    pen.fillRect(at(clip.start + audio.currentTime) - 1, 0, 2, height);
  }
  for (const [id, value] of [["from", start], ["to", end]]) {
    const edge = part(id);
    edge.hidden = isCopy || !wave || Boolean(wave.obstacle);
    edge.style.left = `${at(value) / width * 100}%`;
    edge.setAttribute("aria-valuemin", first.toFixed(2));
    edge.setAttribute("aria-valuemax", (first + seconds).toFixed(2));
    edge.setAttribute("aria-valuenow", value.toFixed(2));
    edge.setAttribute("aria-valuetext", `${value.toFixed(2)} seconds`);
  }
}

/** Move a cut to a place in the recording, within what is shown of it; it is saved when it has come to rest. */
function moveCut(which, time, rest = NUDGING) {
  if (isCopy || !wave || wave.name !== selected || wave.obstacle) {
    return;
  }
  const clip = clips.get(selected), { first, seconds } = span(), now = cutOf(clip);
  const moved = { name: selected, start: now.start, end: now.end };
  const low = which === "start" ? first : moved.start + data.shortest;
  const high = which === "start" ? moved.end - data.shortest : first + seconds;
  moved[which] = Math.round(Math.min(high, Math.max(low, time)) * 1e4) / 1e4;
  if (moved.end - moved.start > data.longest) {
    return;
  }
  if (cut && cut.name === selected) {
    Object.assign(cut, moved);
  } else {
    cut = moved;
  }
  showClip();
  draw();
  sayState();
  clearTimeout(saveCut.timer);
  if (rest !== null) {
    saveCut.timer = setTimeout(saveCut, rest);
  }
}

function nudge(which, milliseconds) {
  moveCut(which, cutOf(clips.get(selected))[which] + milliseconds / 1000);
}

// ---- playing

async function startPlaying() {
  if (cut) {
    await saveCut();
  }
  try {
    await audio.play();
  } catch (error) {
    if (error.name === "NotSupportedError") {
      complain(`${selected}: its sound cannot be played. Is the file still there?`);
    }
  }
}

function play() {
  if (audio.paused) {
    startPlaying();
  } else {
    audio.pause();
  }
}

function seek(seconds) {
  audio.currentTime = Math.max(0, Math.min(audio.duration || 0, seconds));
  draw();
}

function follow() {
  draw();
  if (!audio.paused) {
    requestAnimationFrame(follow);
  }
}

function showPlaying() {
  part("play").textContent = audio.paused ? "Play" : "Pause";
  follow();
}

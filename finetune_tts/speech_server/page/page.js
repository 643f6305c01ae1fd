"use strict";
// Type, choose, hear, download.

const part = (id) => document.getElementById(id);
const MOST_CLIPS = 20;
let details = null;
let running = null;

function complain(text) {
  part("alert").textContent = text;
  part("alert").hidden = !text;
}

function offer(id, names, chosen) {
  part(`of-${id}`).hidden = names.length === 0;
  for (const name of names) {
    const option = document.createElement("option");
    option.value = option.textContent = name;
    option.selected = name === chosen;
    part(id).append(option);
  }
}

function count() {
  const length = [...part("text").value].length;
  part("count").textContent = details ? `${length} of ${details.most_characters} characters` : "";
}

function add(text, blob) {
  const item = document.createElement("li");
  const said = document.createElement("p");
  said.textContent = text;
  const audio = document.createElement("audio");
  audio.controls = true;
  audio.src = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = audio.src;
  link.download = "speech.wav";
  link.textContent = "Download";
  const row = document.createElement("div");
  row.append(audio, link);
  item.append(said, row);
  part("clips").prepend(item);
  while (part("clips").children.length > MOST_CLIPS) {
    const last = part("clips").lastElementChild;
    URL.revokeObjectURL(last.querySelector("audio").src);
    last.remove();
  }
  audio.play().catch(() => {}); // a browser may want to be asked for sound first
}

async function speak(event) {
  event.preventDefault();
  const text = part("text").value.trim();
  if (!text || running) {
    return;
  }
  complain("");
  running = new AbortController();
  part("speak").disabled = true;
  part("stop").hidden = false;
  part("state").textContent = "Synthesising…";
  const started = performance.now();
  try {
    const fields = new URLSearchParams({ text, speed: part("speed").value });
    if (details.speakers.length) {
      fields.set("speaker_id", part("speaker").value);
    }
    if (details.languages.length) {
      fields.set("language_id", part("language").value);
    }
    const answer = await fetch("/api/tts", { method: "POST", body: fields, signal: running.signal });
    if (!answer.ok) {
      throw new Error((await answer.json()).error);
    }
    add(text, await answer.blob());
    part("state").textContent = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  } catch (error) {
    part("state").textContent = "";
    complain(error.name === "AbortError" ? "" : error.message);
  }
  running = null;
  part("speak").disabled = false;
  part("stop").hidden = true;
}

async function start() {
  details = await (await fetch("/details")).json();
  part("title").textContent = details.model;
  document.title = `${details.model}: synthesise`;
  part("facts").textContent = `${details.architecture}, ${details.sample_rate} Hz`;
  offer("speaker", details.speakers, details.default_speaker);
  offer("language", details.languages, details.default_language);
  count();
}

part("form").addEventListener("submit", speak);
part("stop").addEventListener("click", () => running?.abort());
part("text").addEventListener("input", count);
part("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    part("form").requestSubmit();
  }
});
start().catch((error) => complain(String(error)));

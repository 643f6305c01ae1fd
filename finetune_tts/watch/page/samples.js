// Test sentences: all of one step, or one of them at every step. What is playing stays where it is.

const NEWEST = "newest";
const samples = new Map(); // address → its figure

function showSamples() {
  const found = run.samples;
  part("no-samples").hidden = found.length > 0;
  part("choice").hidden = !found.length;
  const isByStep = document.querySelector("input[name=by]:checked").value === "step";
  part("of-step").hidden = !isByStep;
  part("of-sentence").hidden = isByStep;
  offer("which-step", [[NEWEST, "Newest step"], ...found.map(({ step }) => [String(step), `Step ${whole(step)}`])]);
  const sentences = new Map();
  for (const { sounds } of found) {
    for (const { text } of sounds) {
      sentences.set(text, text);
    }
  }
  offer("which-sentence", [...sentences]);
  const box = part("samples"), playing = [...box.querySelectorAll("audio")].find((audio) => !audio.paused);
  const chosen = part("which-step").value, sentence = part("which-sentence").value;
  let wanted;
  if (isByStep) {
    const of = (chosen === NEWEST ? found[0] : found.find(({ step }) => String(step) === chosen)) ?? { sounds: [] };
    wanted = of.sounds.map((sound) => ({ ...sound, step: of.step }));
  } else {
    wanted = found.flatMap(({ step, sounds }) =>
      sounds.filter(({ text }) => text === sentence).map((sound) => ({ ...sound, step })));
  }
  const addresses = new Set(wanted.map(({ sound }) => sound));
  if (playing && !showSamples.asked && !addresses.has(playing.getAttribute("src"))) {
    return; // a newer step waits until somebody has heard this one
  }
  showSamples.asked = false;
  for (const [address, figure] of samples) {
    if (!addresses.has(address)) {
      figure.remove();
      samples.delete(address);
    }
  }
  wanted.forEach((sample, index) => {
    const figure = samples.get(sample.sound) ?? addSample(sample);
    if (box.children[index] !== figure) {
      box.insertBefore(figure, box.children[index] ?? null);
    }
    if (sample.picture && !figure.querySelector("img")) {
      addPicture(figure, sample);
    }
  });
}

/** Give a list its choices and keep what is chosen. */
function offer(id, choices) {
  const list = part(id), before = list.value;
  fill(id, choices, ([value, text]) => {
    const option = make("option", "", text.length > 90 ? `${text.slice(0, 89)}…` : text);
    option.value = value;
    return option;
  });
  if (choices.some(([value]) => value === before)) {
    list.value = before;
  }
}

function addSample(sample) {
  const figure = make("figure", "sample", ""), audio = document.createElement("audio");
  const words = make("p", "", sample.text);
  words.dir = "auto";
  audio.controls = true;
  audio.preload = "none";
  audio.src = sample.sound;
  audio.setAttribute("aria-label", `Step ${whole(sample.step)}: ${sample.text}`);
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) {
      if (other !== audio) {
        other.pause();
      }
    }
  });
  figure.append(make("span", "soft", `step ${whole(sample.step)}`), words, audio);
  samples.set(sample.sound, figure);
  return figure;
}

function addPicture(figure, sample) {
  const picture = document.createElement("img");
  picture.src = sample.picture;
  picture.loading = "lazy";
  picture.alt = `Alignment of text and sound at step ${whole(sample.step)}`;
  figure.append(picture);
}

// The list of clips: which are shown, in which order, and the rows in sight.

function arrange() {
  const filter = document.querySelector("input[name=filter]:checked").value;
  const wanted = part("find").value.trim().toLowerCase();
  const found = [...clips.values()].filter((clip) =>
    (filter === "all" || (filter === "dropped" ? !clip.kept : isDoubtful(clip)))
    && (!wanted || `${clip.name}\n${clip.text}\n${clip.source}`.toLowerCase().includes(wanted)));
  if (part("order").value === "confidence") {
    found.sort((one, other) => one.confidence - other.confidence);
  }
  shown = found.map((clip) => clip.name);
  rows.style.height = `${shown.length * ROW}px`;
  part("shown").textContent = shown.length === 1 ? "1 clip" : `${shown.length.toLocaleString("en")} clips`;
  part("nothing").hidden = shown.length > 0 || selected !== null;
  list.scrollTop = 0;
  if (!shown.includes(selected) && shown.length) {
    select(shown[0], false);
  } else {
    reveal();
    drawRows();
  }
}

function drawRows() {
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - SPARE);
  const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + SPARE);
  const content = document.createDocumentFragment();
  for (let index = first; index < last; index += 1) {
    content.append(row(clips.get(shown[index]), index));
  }
  rows.replaceChildren(content);
  const active = shown.indexOf(selected);
  if (active >= first && active < last) {
    list.setAttribute("aria-activedescendant", `row-${active}`);
  } else {
    list.removeAttribute("aria-activedescendant");
  }
}

function row(clip, index) {
  const item = document.createElement("div"), said = document.createElement("p"), small = document.createElement("p");
  item.id = `row-${index}`;
  item.className = clip.kept ? "row" : "row dropped";
  item.style.top = `${index * ROW}px`;
  item.dataset.name = clip.name;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", String(clip.name === selected));
  item.setAttribute("aria-setsize", String(shown.length));
  item.setAttribute("aria-posinset", String(index + 1));
  said.className = "said";
  said.textContent = drafts.get(clip.name)?.value || clip.text || "(no text)";
  said.dir = "auto";
  small.className = isDoubtful(clip) ? "small doubt" : "small";
  const reason = clip.reason || (clip.kept ? "" : "dropped");
  small.textContent = [percent(clip), length(clip), clip.name, ...(reason ? [reason] : [])].join(" · ");
  item.append(said, small);
  return item;
}

function reveal() {
  const index = shown.indexOf(selected);
  if (index < 0) {
    return;
  }
  if (index * ROW < list.scrollTop) {
    list.scrollTop = index * ROW;
  } else if ((index + 1) * ROW > list.scrollTop + list.clientHeight) {
    list.scrollTop = (index + 1) * ROW - list.clientHeight;
  }
}

function select(name, auto = true) {
  if (name !== selected) {
    if (!isCopy && selected) {
      saveAll();
    }
    selected = name;
    lastTyped = null;
    showClip();
    loadSound(auto && part("auto").checked);
  }
  reveal();
  drawRows();
}

/** Go so many clips on in the list. */
function step(by) {
  const index = shown.indexOf(selected);
  const next = Math.min(shown.length - 1, Math.max(0, index + by));
  if (shown.length) {
    select(shown[next]);
  }
}

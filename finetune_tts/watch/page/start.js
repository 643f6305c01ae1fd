// What somebody chooses, and asking on and on.

function chosen() {
  showSamples.asked = true;
  if (run) {
    showSamples();
  }
}

for (const id of ["smoothing", "span", "logarithmic"]) {
  part(id).addEventListener("input", () => run && showCurves());
}
for (const id of ["by", "which-step", "which-sentence"]) {
  part(id).addEventListener("change", chosen);
}

let asking = null;

/** Ask once more; whoever asks meanwhile waits for the same answer. */
function askAgain() {
  asking ??= ask().catch((error) => complain(String(error))).finally(() => { asking = null; });
  return asking;
}

async function keepAsking() {
  if (!document.hidden) {
    await askAgain();
  }
  setTimeout(keepAsking, ASKING);
}

history.replaceState(null, "", "/"); // the key has done its work
document.addEventListener("visibilitychange", () => !document.hidden && askAgain());
keepAsking();

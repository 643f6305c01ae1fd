"""Fail unless a wheel holds the package, the whole package and nothing else: python .ci/check_wheel.py dist

The package is what git tracks of it. A file of data that pyproject.toml does not name would be missing only for those
who install the wheel, and no test in the repository would show it.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

PACKAGE = "finetune_tts"
PROGRAMS = ("tts-finetune =", "tts =")
#: Weights, recordings and their texts, catalog, style sheet, marker of types: what is no Python.
DATA = ("models.json", ".pth", ".flac", ".css", ".js", ".html", "metadata.csv", "py.typed")


def faults(wheel: Path, tracked: list[str]) -> list[str]:
    """What is wrong with a wheel, a line each.

    Args:
        wheel: the file.
        tracked: paths of the files that it should hold, from the root of the repository.
    """
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.endswith("/")}
        about = [name for name in held if name.split("/")[0].endswith(".dist-info")]
        texts = {name.split("/", 1)[1]: archive.read(name).decode("utf-8") for name in about}
        empty = [name for name in tracked if name in held and not archive.read(name) and Path(name).stat().st_size]
    found = [f"lacks {name}: see package-data in pyproject.toml" for name in sorted(set(tracked) - held)]
    found += [f"holds {name}, which git does not know" for name in sorted(held - set(tracked) - set(about))]
    found += [f"holds an empty {name}" for name in empty]
    found += [f"has no {ending} in it" for ending in DATA if not any(name.endswith(ending) for name in held)]
    programs = texts.get("entry_points.txt", "")
    found += [f"has no program {name.split()[0]}" for name in PROGRAMS if f"\n{name}" not in programs]
    if not any(name.endswith("LICENSE") for name in texts):
        found.append("has no licence")
    return found


if __name__ == "__main__":
    wheels = sorted(Path(sys.argv[1]).glob("*.whl"))
    if len(wheels) != 1:
        sys.exit(f"{len(wheels)} wheels in {sys.argv[1]}, not one")
    listed = subprocess.run(["git", "ls-files", PACKAGE], capture_output=True, text=True, check=True)
    wrong = faults(wheels[0], listed.stdout.splitlines())
    if wrong:
        sys.exit("\n".join(f"{wheels[0].name} {fault}" for fault in wrong))
    print(f"{wheels[0].name} is whole")

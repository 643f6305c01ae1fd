"""Print constraints that hold each dependency at the lowest version that pyproject.toml allows.

    python .ci/lowest_versions.py > lowest.txt

A job of the continuous integration installs with them and runs the tests, so that the lower bounds stay true.
"""

import re
import sys
from pathlib import Path

BOUND = re.compile(r'"([A-Za-z0-9._-]+)>=([0-9.]+)')


def lowest_versions(pyproject: str) -> dict[str, str]:
    """Lower bounds by package, of the dependencies and all extras.

    Args:
        pyproject: the text of a pyproject.toml. Read by a pattern, as Python 3.10 has no TOML parser.
    """
    project = pyproject.split("\ndependencies = [", 1)[1].split("\n[project.scripts]", 1)[0]
    return dict(BOUND.findall(project))


if __name__ == "__main__":
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    sys.stdout.writelines(f"{name}=={version}\n" for name, version in lowest_versions(text).items())

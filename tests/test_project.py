"""The files around the package agree with each other: metadata, Makefile, workflows, changelog, docs, wheel."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import finetune_tts

ROOT = Path(__file__).parents[1]
WORKFLOW = ".github/workflows/tests.yml"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def targets_called(name: str) -> set[str]:
    return set(re.findall(r"\bmake ([a-z-]+)", read(name)))


def lowest_versions() -> dict[str, str]:
    command = [sys.executable, str(ROOT / ".ci" / "lowest_versions.py")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.split("==") for line in run.stdout.splitlines())


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.strip(".").split(".")))


@pytest.mark.parametrize("name", [WORKFLOW, ".ci/run"])
def test_what_is_called_is_a_target_of_the_makefile(name):
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), flags=re.MULTILINE))
    assert {"test", "test-slow", "lint", "docs", "dist"} <= targets_called(name) <= targets


def test_everything_of_the_local_check_runs_in_the_workflows():
    assert targets_called(".ci/run") <= targets_called(WORKFLOW)


def test_tests_run_on_every_supported_python_and_with_the_lowest_versions():
    supported = re.findall(r"Python :: (3\.\d+)", read("pyproject.toml"))
    matrix = re.search(r"python: \[(.*)\]", read(WORKFLOW))
    assert matrix is not None
    assert re.findall(r"3\.\d+", matrix[1]) == supported
    assert f'requires-python = ">={supported[0]},<3.{int(supported[-1][2:]) + 1}"' in read("pyproject.toml")
    assert "make test PYTHON=python CONSTRAINTS=lowest.txt" in read(WORKFLOW)


@pytest.mark.parametrize("name", [WORKFLOW, "Makefile", ".ci/run", "pyproject.toml", "constraints.txt", "mkdocs.yml"])
def test_no_file_says_where_packages_come_from(name):
    assert not re.search(r"https?://\w", read(name))


def test_no_job_installs_the_package_before_it_knows_a_torch_without_cuda():
    jobs = re.split(r"^  (?=\w+:$)", read(WORKFLOW).split("\njobs:\n")[1], flags=re.MULTILINE)
    installing = [job for job in jobs if re.search(r"make (test|lint)", job)]
    assert len(installing) == 5
    for job in installing:
        assert job.index("make require-torch-index") < re.search(r"make (test|lint)", job).start()


def test_every_requirement_has_a_lower_bound_and_its_lowest_version_is_printed():
    required = re.search(r"^dependencies = \[(.*?)^\]", read("pyproject.toml"), flags=re.MULTILINE | re.DOTALL)
    assert required is not None
    names = re.findall(r'"([\w.-]+)', required[1])
    assert "torch" in names
    assert set(names) <= lowest_versions().keys()


def test_pinned_versions_are_not_below_the_lower_bounds():
    bounds = lowest_versions()
    for name, version in re.findall(r"^([\w.-]+)==([\d.]+)", read("constraints.txt"), flags=re.MULTILINE):
        assert numbers(version) >= numbers(bounds.get(name, "0")), name


def test_the_changelog_knows_this_version_and_what_comes_next():
    headings = re.findall(r"^## (\S+)", read("CHANGELOG.md"), flags=re.MULTILINE)
    assert headings[:2] == ["Unreleased", finetune_tts.__version__]


def test_every_page_of_the_documentation_is_in_the_menu():
    listed = re.findall(r": (\S+\.md)$", read("mkdocs.yml"), flags=re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("path", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda path: path.name)
def test_lines_of_the_documentation_fit_an_editor(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 120 and not line.startswith(("|", "    "))] == []


def test_type_checkers_are_told_of_the_types():
    assert (ROOT / "finetune_tts" / "py.typed").exists()
    assert '"py.typed"' in read("pyproject.toml")


def test_the_form_for_faults_asks_for_what_says_what_a_run_was():
    form = read(".github/ISSUE_TEMPLATE/fault.yml")
    field = form[form.index("id: about_run") :].split("- type:")[0]
    assert "label: about_run.json" in field
    assert "required: true" in field


@pytest.fixture
def check_wheel(tmp_path):
    """Check a wheel that holds the tracked files of the package, but for some, and other files."""
    run = subprocess.run(["git", "ls-files", "finetune_tts"], capture_output=True, text=True, cwd=ROOT)
    if run.returncode or not run.stdout:
        pytest.skip("no checkout of git")
    programs = "[console_scripts]\ntts = finetune_tts.cli.speak:main\ntts-finetune = finetune_tts.cli.finetune:main\n"
    about = {"entry_points.txt": programs, "licenses/LICENSE": "Apache"}

    def check(without: str = " ", surplus: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        with zipfile.ZipFile(tmp_path / "x-1-py3-none-any.whl", "w") as archive:
            for name in run.stdout.splitlines():
                if without not in name:
                    archive.write(ROOT / name, name)
            for name, text in about.items():
                if without not in name:
                    archive.writestr(f"x-1.dist-info/{name}", text)
            for name, text in (surplus or {}).items():
                archive.writestr(name, text)
        command = [sys.executable, str(ROOT / ".ci" / "check_wheel.py"), str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)

    return check


def test_a_whole_wheel_passes(check_wheel):
    assert (check_wheel().returncode, check_wheel().stderr) == (0, "")


@pytest.mark.parametrize(
    ("without", "surplus", "complaint"),
    [
        ("demo/base/model_file.pth", {}, "lacks finetune_tts/assets/demo/base/model_file.pth: see package-data"),
        ("models.json", {}, "has no models.json in it"),
        ("entry_points.txt", {}, "has no program tts-finetune"),
        ("LICENSE", {}, "has no licence"),
        (" ", {"tests/conftest.py": "x"}, "holds tests/conftest.py, which git does not know"),
        ("page.css", {"finetune_tts/report/page.css": ""}, "holds an empty finetune_tts/report/page.css"),
    ],
)
def test_a_wheel_that_is_not_whole_fails(check_wheel, without, surplus, complaint):
    run = check_wheel(without, surplus)
    assert run.returncode == 1
    assert complaint in run.stderr


def test_a_folder_without_a_wheel_fails(tmp_path):
    command = [sys.executable, str(ROOT / ".ci" / "check_wheel.py"), str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (1, f"0 wheels in {tmp_path}, not one\n")

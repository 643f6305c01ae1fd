"""What ``--list_models`` and ``--model_info`` show."""

import subprocess
import sys

import pytest

from finetune_tts.cli.catalog_view import print_info, print_models
from finetune_tts.errors import UserError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TTS_HOME", str(tmp_path))
    monkeypatch.delenv("TTS_MODELS_FILE", raising=False)
    return tmp_path


def test_a_pipe_gets_one_line_a_model_with_its_marks(capsys, home):
    folder = home / "tts" / "tts_models--en--ljspeech--glow-tts"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model_file.pth").write_bytes(b"x")
    print_models(None, None)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 98
    marks = dict(line.split("\t") for line in lines)
    assert marks["tts_models/en/ljspeech/glow-tts"] == "fine-tune,downloaded"
    assert marks["tts_models/en/demo/glow-tts"] == "fine-tune,bundled"
    assert marks["tts_models/multilingual/multi-dataset/xtts_v2"].endswith(",restricted")


def test_a_terminal_gets_groups_and_a_legend(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_models("ljspeech", None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Text to speech (")
    assert lines[1] == "  en"
    assert any(line.split() == ["tts_models/en/ljspeech/glow-tts", "F"] for line in lines)
    assert "F can be fine-tuned here" in lines
    assert not any(line.startswith("! ") for line in lines)


def test_a_filter_that_fits_nothing_is_an_error():
    with pytest.raises(UserError, match="Nearest: .*glow-tts"):
        print_models("glowtts", None)


def test_everything_about_one_model_is_shown(capsys):
    print_info("tts_models/en/vctk/fast_pitch", None)
    out = capsys.readouterr().out
    assert "https://github.com/coqui-ai/TTS/releases" in out
    assert "changed versions may not be passed on" in out
    assert "not downloaded yet" in out
    print_info("tts_models/en/demo/glow-tts", None)
    assert "comes with this package" in capsys.readouterr().out


def test_files_that_only_fine_tuning_needs_are_shown(capsys, home):
    name = "tts_models/multilingual/multi-dataset/xtts_v2"
    folder = home / "tts" / name.replace("/", "--")
    folder.mkdir(parents=True)
    (folder / "mel_stats.pth").write_bytes(b"x")
    print_info(name, None)
    shown = [line.split(maxsplit=2)[2] for line in capsys.readouterr().out.splitlines() if line.startswith("to fine-")]
    assert shown == [
        "https://huggingface.co/coqui/XTTS-v2/resolve/main/dvae.pth (not downloaded yet)",
        "https://huggingface.co/coqui/XTTS-v2/resolve/main/mel_stats.pth (downloaded)",
    ]


def test_an_unknown_model_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="tts_models/en/vctk/vits"):
        print_info("tts_models/en/vctk/vit", None)


def test_nothing_heavy_is_imported_for_a_list():
    code = (
        "import sys; from finetune_tts.cli.catalog_view import print_models; print_models(None, None)\n"
        "heavy = {'torch', 'numpy', 'requests', 'tqdm', 'coqpit', 'librosa', 'difflib'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

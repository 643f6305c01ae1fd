import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from finetune_tts.assembly.assembly import assemble
from finetune_tts.assembly.request import Request
from finetune_tts.assembly.sentences import sample_speaker
from finetune_tts.audio.reading import write_waveform
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.loading import config_from_dict
from finetune_tts.training.run import fit, open_run
from finetune_tts.training.settings import RunLimits

RATE = 8000
FIELDS = {
    "model": "glow_tts",
    "run_name": "test",
    "characters": {"pad": "_", "characters": "abcdefgh", "punctuations": " ."},
    "audio": {"sample_rate": RATE, "fft_size": 256, "win_length": 256, "hop_length": 64, "num_mels": 8,
              "mel_fmax": 4000.0, "griffin_lim_iters": 2, "do_trim_silence": False},
    "out_channels": 8, "hidden_channels_enc": 8, "hidden_channels_dec": 8, "hidden_channels_dp": 8,
    "num_flow_blocks_dec": 1, "num_block_layers": 1,
    "encoder_params": {"kernel_size": 3, "dropout_p": 0.1, "num_layers": 1, "num_heads": 2,
                       "hidden_channels_ffn": 8, "input_length": None},
    "batch_size": 4, "eval_batch_size": 4, "epochs": 1, "test_sentences": ["a bad egg."],
}  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    """Two data sets of six and two clips."""
    random = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("data")
    for name, count in (("many", 6), ("few", 2)):
        (root / name / "wavs").mkdir(parents=True)
        for number in range(count):
            wav = 0.3 * random.normal(size=4000 + 500 * number)
            write_waveform(root / name / "wavs" / f"{number}.wav", wav, RATE)
        texts = ["a bad egg", "head bed", "faded", "cage faced", "deaf aged", "beef"][:count]
        lines = [f"{number}|{text}|{text}\n" for number, text in enumerate(texts)]
        (root / name / "metadata.csv").write_text("".join(lines))
    return root / "many", root / "few"


@pytest.fixture
def config(folders, tmp_path) -> GlowTTSConfig:
    config = config_from_dict({**FIELDS, "output_path": str(tmp_path / "output")})
    config.datasets = [
        DatasetConfig(formatter="auto", path=str(folder), meta_file_train="metadata.csv", dataset_name=folder.name)
        for folder in folders
    ]
    return config


def write_model(folder: Path, config: GlowTTSConfig) -> Path:
    folder.mkdir()
    network = build_model(config, len(build_tokenizer(config).vocabulary), 0)
    torch.save({"model": network.state_dict(), "config": FIELDS}, folder / "model_file.pth")
    return folder / "model_file.pth"


def test_a_model_from_nothing(config):
    assembly = assemble(Request(config))
    assert assembly.report is None
    assert not assembly.job.restored
    assert len(assembly.job.train_data) + len(assembly.job.eval_data) == 8
    assert assembly.heard.speaker is None
    assert config.num_chars == 11


def test_a_pre_trained_model(config, tmp_path):
    path = write_model(tmp_path / "model", config)
    assembly = assemble(Request(config, restore_path=path))
    assert assembly.job.restored
    assert assembly.report.is_complete
    state = assembly.job.network.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in read_checkpoint(path).model.items())
    assert [asset.file_name for asset in assembly.job.assets] == ["restore_report.json"]


def test_settings_are_filled_in_where_the_person_chose_none(config, tmp_path):
    config.batch_size, config.epochs = 7, 7
    path = write_model(tmp_path / "model", config)
    assemble(Request(config, restore_path=path, fill_in=True, chosen=frozenset({"batch_size", "run_name"})))
    assert (config.batch_size, config.run_name) == (7, "test")
    assert config.epochs != 7
    assert config.eval_split_size == 0.05


def test_a_run_without_recordings_is_refused(config):
    config.datasets = []
    with pytest.raises(UserError, match="Where are the recordings"):
        assemble(Request(config))


def test_the_speaker_of_most_recordings_speaks_test_sentences(config):
    config.use_speaker_embedding = True
    assembly = assemble(Request(config))
    assert assembly.heard.speaker == "many"
    assert assembly.material.voice.speaker_names == ("few", "many")
    (asset,) = assembly.job.assets
    assert (asset.file_name, asset.source, asset.fields) == ("speakers.json", {"few": 0, "many": 1}, ("speakers_file",))


def write_d_vectors(path: Path, names: list[str], size: int = 4) -> str:
    vectors = {name: {"name": name.split("#")[0], "embedding": [0.1] * size} for name in names}
    path.write_text(json.dumps(vectors))
    return str(path)


@pytest.fixture
def d_vector_files(tmp_path) -> list[str]:
    return [
        write_d_vectors(tmp_path / "a.json", [f"many#wavs/{number}" for number in range(6)]),
        write_d_vectors(tmp_path / "b.json", [f"few#wavs/{number}" for number in range(2)]),
    ]


def test_d_vectors_of_several_files_go_with_the_run_as_one(config, d_vector_files):
    config.use_d_vector_file, config.d_vector_file, config.d_vector_dim = True, d_vector_files, 4
    result = fit(assemble(Request(config, limits=RunLimits(max_steps=1))).job)
    stored = json.loads((result.folder / "config.json").read_text())
    assert stored["d_vector_file"] == "d_vectors.json"
    assert len(json.loads((result.folder / "d_vectors.json").read_text())) == 8


def test_d_vectors_of_another_size_are_refused(config, d_vector_files):
    config.use_d_vector_file, config.d_vector_file, config.d_vector_dim = True, d_vector_files, 5
    with pytest.raises(UserError, match="vectors of 4 numbers, d_vector_dim is 5"):
        assemble(Request(config))
    config.d_vector_file = None
    with pytest.raises(UserError, match="names no file"):
        assemble(Request(config))


def test_a_run_goes_on_in_its_folder_with_its_alphabet(config):
    first = fit(assemble(Request(config, limits=RunLimits(max_steps=1))).job)
    run = open_run(first.folder)
    assembly = assemble(Request(run.config, limits=RunLimits(max_steps=2)), run)
    assert assembly.job.resumes is run
    second = fit(assembly.job)
    assert (second.folder, second.steps) == (first.folder, 2)


def test_samples_in_training_are_those_of_the_voice(config):
    assembly = assemble(Request(config))
    network: nn.Module = assembly.job.network
    network.eval()
    sample = sample_speaker(assembly.material.voice)(network, ["a bad egg.", None, None, None])
    assert np.array_equal(sample.waveform, assembly.material.voice.speak("a bad egg.").waveform)
    assert sample.mel.shape[1] == 8
    assert sample.alignment.shape == (len(sample.mel), len("a bad egg."))


def test_a_dry_assembly_computes_no_features(config, tmp_path):
    assembly = assemble(Request(config, dry=True))
    assert not list((tmp_path / "output").rglob("*.npy"))
    assert len(assembly.job.train_data) + len(assembly.job.eval_data) == 8
    assembly.job.train_data[0]
    assert len(list((tmp_path / "output").rglob("*.npy"))) == 1
    assert set(assembly.material.data.durations) == {
        sample.audio_file for sample in assembly.material.data.split.train
    } | {sample.audio_file for sample in assembly.material.data.split.eval}


@pytest.fixture
def release(config, tmp_path) -> Path:
    """A pre-trained model with the config's own alphabet."""
    network = build_model(config, len(build_tokenizer(config).vocabulary))
    (tmp_path / "release").mkdir()
    torch.save({"model": network.state_dict()}, tmp_path / "release" / "model_file.pth")
    return tmp_path / "release"


def test_a_config_of_the_persons_own_stands_and_is_told_what_would_suit(config, release, caplog):
    caplog.set_level("INFO")
    assembly = assemble(Request(config, restore_path=release))
    assert (assembly.applied, config.epochs, config.lr) == (frozenset(), 1, 1e-3)
    assert {"lr", "epochs", "batch_size", "eval_split_size"} <= {default.field for default in assembly.advice}
    (message,) = [record.message for record in caplog.records if "taken as it stands" in record.message]
    assert "lr = 0.0003" in message
    assert "batch_size" not in message.replace("eval_batch_size", "")  # 4 already

import pytest

from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data import features
from finetune_tts.data.preparing import prepare_data
from finetune_tts.errors import UserError
from finetune_tts.families.glow_tts.config import GlowTTSConfig


@pytest.fixture
def prepare(tmp_path, write_wav, write_text, tokenizer, extractor):
    root = tmp_path / "voice"
    lines = [f"{number}|a|Text {'x' * number}\n" for number in range(12)]
    write_text(root / "metadata.csv", "".join(lines))
    for number in range(12):
        write_wav(root / "wavs" / f"{number}.wav", seconds=0.05 + 0.1 * number)

    def run(content=None, aligned_frames=2, dry=False, contours=(), **fields):
        if content is not None:
            write_text(root / "metadata.csv", content)
        config = GlowTTSConfig(datasets=[DatasetConfig(formatter="ljspeech", path=str(root))], **fields)
        return prepare_data(
            config,
            tokenizer,
            extractor,
            sample_rate=8000,
            cache_folder=tmp_path / "cache",
            aligned_frames=aligned_frames,
            contours=contours,
            dry=dry,
        )

    return run


def test_from_the_config_to_samples_with_features(prepare, extractor):
    data = prepare(eval_split_size=0.2, min_audio_len=1, max_audio_len=8000)
    assert len(data.split.train) == 8
    assert len(data.split.eval) == 2
    assert set(data.dropped) == {"recording longer than 1 s (max_audio_len 8000)"}
    assert data.seconds == pytest.approx(sum(0.05 + 0.1 * number for number in range(10)))
    assert extractor.loads == 10
    assert data.missing.counter == {}


@pytest.mark.parametrize(
    ("setting", "many", "in_shards"), [(True, 100, True), (None, 12, True), (None, 13, False), (False, 1, False)]
)
def test_features_go_where_the_config_says_and_a_check_writes_no_shards(
    prepare, tmp_path, monkeypatch, setting, many, in_shards
):
    monkeypatch.setattr(features, "MANY_CLIPS", many)
    dry = prepare(feature_shards=setting, dry=True, contours=("energy",))
    dry.cache.contour(dry.some(1)[0], "energy")
    assert not list(tmp_path.rglob("*.shard"))
    prepare(feature_shards=setting)
    assert len(list(tmp_path.rglob("*.mel.npy"))) == (0 if in_shards else 12)
    assert len(list(tmp_path.rglob("*.shard"))) == in_shards


def test_samples_that_cannot_be_aligned_are_left_out(prepare):
    data = prepare(content="0|a|" + "x" * 30 + "\n5|a|Yes\n6|a|No\n".lower())
    assert [sample.name for sample in data.dropped["fewer mel frames than tokens"]] == ["#wavs/0"]


def test_too_many_unknown_characters_stop_the_run(prepare, caplog):
    with pytest.raises(UserError, match="vocabulary lacks 2 of 9 characters"):
        prepare(content="1|a|größe\n2|a|text\n")
    prepare(content="1|a|" + "text " * 30 + "ß\n2|a|text\n11|a|" + "text" * 20 + "\n")
    assert "The vocabulary lacks characters" in caplog.text


def test_texts_of_which_nothing_is_left_are_left_out_of_any_model(prepare):
    lines = [f"{number}|a|{'text ' * 20}\n" for number in range(2, 12)]
    data = prepare(content="".join(["0|a|ß\n", "1|a|ß ß\n", *lines]), aligned_frames=None)
    left_out = data.dropped["text without any character of the model's vocabulary"]
    assert [sample.name for sample in left_out] == ["#wavs/0", "#wavs/1"]
    assert len(data.split.train + data.split.eval) == 10


def test_a_file_that_cannot_be_read_stops_the_run(prepare, tmp_path):
    (tmp_path / "voice" / "wavs" / "3.wav").write_bytes(b"")
    with pytest.raises(UserError, match="3.wav: the file has 0 bytes"):
        prepare()

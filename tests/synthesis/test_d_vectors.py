"""D-vectors of a data set are computed once, and again only for what has changed."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.speaker_encoder.encoder import EncoderFiles, SpeakerEncoder, load_speaker_encoder
from finetune_tts.speaker_encoder.windows import compute_embeddings
from finetune_tts.synthesis.d_vectors import complete_d_vectors, compute_d_vectors


@pytest.fixture
def encoder(make_encoder, tmp_path):
    return load_speaker_encoder(EncoderFiles(*make_encoder(tmp_path / "encoder")))


@pytest.fixture
def computed(monkeypatch):
    """Counts the recordings that an encoder reads."""
    paths = []
    load = SpeakerEncoder.load
    monkeypatch.setattr(SpeakerEncoder, "load", lambda self, path: paths.append(Path(path).name) or load(self, path))
    return paths


@pytest.fixture
def make_samples(tmp_path):
    def make(count, seconds=1.1):
        samples = []
        for number in range(count):
            path = tmp_path / "wavs" / f"{number}.wav"
            path.parent.mkdir(exist_ok=True)
            noise = np.random.default_rng(number).normal(size=int((seconds + 0.01 * number) * 8000))
            soundfile.write(path, 0.1 * noise, 8000)
            samples.append(Sample("a", path, f"voice{number % 2}", "", f"set#wavs/{number}"))
        return samples

    return make


def test_every_recording_gets_its_vector(encoder, make_samples, tmp_path):
    samples = make_samples(35)
    found = compute_d_vectors(samples, encoder, tmp_path / "cache")
    assert list(found.vectors) == [sample.name for sample in samples]
    assert found.speakers["set#wavs/3"] == "voice1"
    for sample in samples[::7]:
        np.testing.assert_array_equal(found.of_sample(sample), encoder.vector_of_files([sample.audio_file]))


def test_a_team_computes_each_vector_once_and_all_of_them_get_all(encoder, make_samples, computed, tmp_path, as_team):
    samples = make_samples(5)
    found = as_team(2, lambda team: compute_d_vectors(samples, encoder, tmp_path / "cache", team))
    assert sorted(computed) == [f"{number}.wav" for number in range(5)]
    alone = compute_d_vectors(samples, encoder, tmp_path / "another cache")
    for vectors in found:
        assert list(vectors.vectors) == [sample.name for sample in samples]
        for sample in samples:
            np.testing.assert_array_equal(vectors.of_sample(sample), alone.of_sample(sample))


def test_what_is_known_by_content_is_not_read_again(encoder, make_samples, computed, tmp_path):
    samples = make_samples(4)
    first = compute_d_vectors(samples, encoder, tmp_path / "cache")
    assert sorted(computed) == ["0.wav", "1.wav", "2.wav", "3.wav"]
    computed.clear()
    samples[1].audio_file.write_bytes(samples[2].audio_file.read_bytes())
    samples[3].audio_file.rename(tmp_path / "wavs" / "moved.wav")
    moved = Sample("a", tmp_path / "wavs" / "moved.wav", "x", "", "set#moved")
    again = compute_d_vectors([*samples[:3], moved], encoder, tmp_path / "cache")
    assert computed == []
    np.testing.assert_array_equal(again.vectors["set#wavs/1"], first.vectors["set#wavs/2"])
    np.testing.assert_array_equal(again.vectors["set#moved"], first.vectors["set#wavs/3"])


def test_another_encoder_computes_anew(encoder, make_encoder, make_samples, computed, tmp_path):
    samples = make_samples(2)
    first = compute_d_vectors(samples, encoder, tmp_path / "cache")
    other = load_speaker_encoder(EncoderFiles(*make_encoder(tmp_path / "other", seed=9)))
    second = compute_d_vectors(samples, other, tmp_path / "cache")
    assert len(computed) == 4
    assert np.abs(first.vectors["set#wavs/0"] - second.vectors["set#wavs/0"]).max() > 1e-3


def test_a_computation_that_was_stopped_goes_on(encoder, make_samples, computed, monkeypatch, tmp_path):
    samples = make_samples(40)
    vectors, calls = encoder.vectors, []

    def stop_at_20(waveforms):
        calls.append(len(waveforms))
        if len(calls) > 20:
            raise KeyboardInterrupt
        return vectors(waveforms)

    monkeypatch.setattr(encoder, "vectors", stop_at_20)
    with pytest.raises(KeyboardInterrupt):
        compute_d_vectors(samples, encoder, tmp_path / "cache")
    monkeypatch.setattr(encoder, "vectors", vectors)
    computed.clear()
    resumed = compute_d_vectors(samples, encoder, tmp_path / "cache")
    assert len(computed) == 20
    whole = compute_d_vectors(samples, encoder, tmp_path / "another cache")
    assert all(np.array_equal(whole.vectors[name], resumed.vectors[name]) for name in whole.vectors)


def test_a_damaged_cache_is_computed_again(encoder, make_samples, computed, tmp_path):
    samples = make_samples(3)
    first = compute_d_vectors(samples, encoder, tmp_path / "cache")
    (index,) = (tmp_path / "cache" / "d_vectors").iterdir()
    lines = index.read_text().split("\n")
    index.write_text("\n".join([lines[1][:30], lines[3].replace(lines[3][40:60], '", "'), '["x", 5]', lines[5]]))
    computed.clear()
    again = compute_d_vectors(samples, encoder, tmp_path / "cache")
    assert sorted(computed) == ["0.wav", "1.wav"]
    assert all(np.array_equal(first.vectors[name], again.vectors[name]) for name in first.vectors)


def test_all_bad_recordings_are_named_and_the_good_ones_kept(encoder, make_samples, computed, tmp_path):
    samples = make_samples(3)
    samples[0].audio_file.write_bytes(b"")
    soundfile.write(samples[1].audio_file, np.zeros(20), 8000)
    with pytest.raises(UserError, match=r"2 recordings cannot be used(.|\n)*0.wav(.|\n)*1.wav: 0.003 s of sound"):
        compute_d_vectors(samples, encoder, tmp_path / "cache")
    computed.clear()
    compute_d_vectors(samples[2:], encoder, tmp_path / "cache")
    assert computed == []


def test_short_recordings_are_told(encoder, make_samples, caplog, tmp_path):
    compute_d_vectors(make_samples(2, seconds=0.995), encoder, tmp_path / "cache")
    assert "1 recordings are shorter than 1 s" in caplog.text


def test_a_batch_on_a_device_gives_the_same_vectors(encoder, make_samples, tmp_path):
    sizes = []

    class OnDevice(SpeakerEncoder):
        device = torch.device("cuda")

        def vectors(self, waveforms):
            sizes.append(len(waveforms))
            return compute_embeddings(self.network, [torch.from_numpy(wav) for wav in waveforms]).numpy()

    samples = make_samples(18)
    one_by_one = compute_d_vectors(samples, encoder, tmp_path / "cache")
    on_device = OnDevice(encoder.network, encoder.config, "encoder")
    batched = compute_d_vectors(samples, on_device, tmp_path / "another cache")
    assert sizes == [16, 2]
    for name, vector in one_by_one.vectors.items():
        np.testing.assert_allclose(batched.vectors[name], vector, atol=1e-5)


def test_a_cache_that_cannot_be_written_is_named(encoder, make_samples, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(UserError, match=r"cache: the cache of the d-vectors cannot be made"):
        compute_d_vectors(make_samples(1), encoder, tmp_path / "cache")


def test_vectors_that_are_there_stand_and_the_others_are_computed(encoder, make_samples, computed, tmp_path):
    samples = make_samples(3)
    known = DVectors({"set#wavs/1": np.ones(6, dtype=np.float32), "old": np.zeros(6, dtype=np.float32)},
                     {"set#wavs/1": "voice1", "old": "old"}, "old.json")  # fmt: skip
    found = complete_d_vectors(samples, known, encoder, tmp_path / "cache")
    assert found.vectors.keys() == {"set#wavs/0", "set#wavs/1", "set#wavs/2"}
    assert found.vectors["set#wavs/1"].tolist() == [1] * 6
    assert found.speakers["set#wavs/1"] == "voice1"
    assert "1.wav" not in computed
    assert complete_d_vectors(samples[1:2], known, encoder, tmp_path / "cache").vectors.keys() == {"set#wavs/1"}
    other = DVectors({"set#wavs/1": np.ones(4, dtype=np.float32)}, {"set#wavs/1": "voice1"}, "old.json")
    with pytest.raises(UserError, match=r"old.json has vectors of 4 numbers, .*model_se.pth gives 6"):
        complete_d_vectors(samples, other, encoder, tmp_path / "cache")


def test_a_vector_of_another_speaker_is_that_of_another_recording(encoder, make_samples, tmp_path):
    samples = make_samples(2)
    known = DVectors({"set#wavs/1": np.ones(6, dtype=np.float32)}, {"set#wavs/1": "someone"}, "old.json")
    found = complete_d_vectors(samples, known, encoder, tmp_path / "cache")
    assert found.vectors["set#wavs/1"].tolist() != [1] * 6

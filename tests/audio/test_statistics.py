import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetune_tts.audio.reading import write_waveform
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.audio.statistics import ScaleStats, compute_statistics, read_statistics, write_statistics
from finetune_tts.config.audio import AudioConfig
from finetune_tts.errors import UserError

ARRAYS = ("mel_mean", "mel_std", "linear_mean", "linear_std")


@pytest.fixture
def stats() -> ScaleStats:
    mean, deviation = np.arange(80, dtype=np.float32), np.full(80, 2, dtype=np.float32)
    wide = np.full(513, 3, dtype=np.float32)
    return ScaleStats(mean, deviation, -wide, wide, {"fft_size": 1024, "log_func": "np.log10", "mel_fmax": None})


def assert_equal(ours: ScaleStats, expected: ScaleStats) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(ours, name), getattr(expected, name))
    assert dict(ours.audio_config) == dict(expected.audio_config)


def save(path: Path, value: object) -> Path:
    np.save(path, np.array(value, dtype=object), allow_pickle=True)
    return path


def save_pickle(path: Path, pickled: bytes) -> Path:
    """Put a pickle where ``np.load(allow_pickle=True)`` would run it."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": ()})
    path.write_bytes(stream.getvalue() + pickled)
    return path


def test_written_statistics_come_back(tmp_path: Path, stats: ScaleStats) -> None:
    path = tmp_path / "scale_stats.npy"
    write_statistics(path, stats)
    assert_equal(read_statistics(path), stats)


def test_written_statistics_are_read_the_way_coqui_reads_them(tmp_path: Path, stats: ScaleStats) -> None:
    path = tmp_path / "scale_stats.npy"
    write_statistics(path, stats)
    content = np.load(path, allow_pickle=True).item()
    assert sorted(content) == ["audio_config", *sorted(ARRAYS)]
    np.testing.assert_array_equal(content["mel_mean"], stats.mel_mean)
    assert type(content["audio_config"]) is dict


def old_style(stats: ScaleStats) -> np.ndarray:
    """Statistics with numbers and settings as numpy types, as some releases hold them."""
    content = {name: getattr(stats, name).astype(np.float64) for name in ARRAYS}
    return np.array({**content, "audio_config": {**stats.audio_config, "power": np.float64(1.5)}}, dtype=object)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_statistics_of_any_protocol_are_read(tmp_path: Path, stats: ScaleStats, protocol: int) -> None:
    path = save_pickle(tmp_path / "scale_stats.npy", pickle.dumps(old_style(stats), protocol=protocol))
    read = read_statistics(path)
    np.testing.assert_array_equal(read.mel_mean, stats.mel_mean)
    assert read.audio_config["power"] == 1.5


@pytest.mark.parametrize("core", [b"numpy.core", b"numpy._core"])
def test_statistics_of_any_numpy_are_read(tmp_path: Path, stats: ScaleStats, core: bytes) -> None:
    pickled = pickle.dumps(old_style(stats), protocol=3)
    for written in (b"numpy._core", b"numpy.core"):
        pickled = pickled.replace(b"c" + written + b".multiarray\n", b"c" + core + b".multiarray\n")
    assert core in pickled
    np.testing.assert_array_equal(
        read_statistics(save_pickle(tmp_path / "scale_stats.npy", pickled)).linear_std, stats.linear_std
    )


class _Hostile:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_hostile_file_is_refused_and_runs_nothing(tmp_path: Path, stats: ScaleStats, protocol: int) -> None:
    victim = tmp_path / "victim"
    content = {name: getattr(stats, name) for name in ARRAYS} | {"audio_config": _Hostile(f"touch '{victim}'")}
    path = tmp_path / "scale_stats.npy"
    for pickled in (content, np.array(content, dtype=object), _Hostile(f"touch '{victim}'")):
        save_pickle(path, pickle.dumps(pickled, protocol=protocol))
        with pytest.raises(UserError, match=r"scale_stats\.npy: not a statistics file.*system"):
            read_statistics(path)
    assert not victim.exists()


@pytest.mark.parametrize(
    "opcodes",
    [b"cbuiltins\neval\n(S'1+1'\ntR.", b"cnumpy\nload\n(S'x'\ntR.", b"cnumpy\nndarray.tofile\n.",
     b"\x80\x04\x8c\x05numpy\x8c\x11ndarray.__class__\x93.", b"ccopyreg\n_reconstructor\n.",
     b"cposix\nsystem\n."],
)  # fmt: skip
def test_names_beyond_arrays_are_refused(tmp_path: Path, opcodes: bytes) -> None:
    with pytest.raises(UserError, match="it names"):
        read_statistics(save_pickle(tmp_path / "scale_stats.npy", opcodes))


def test_other_encodings_than_that_of_old_pickles_are_refused(tmp_path: Path) -> None:
    pickled = b"c_codecs\nencode\n(Vx\nVrot13\ntR."
    with pytest.raises(UserError, match="encodes text in a way that bytes are not stored in"):
        read_statistics(save_pickle(tmp_path / "scale_stats.npy", pickled))


class _Claims:
    """Becomes an array of 8 GB when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return np.zeros(1).__reduce__()[0], (np.ndarray, (10**9,), b"d")


def test_what_would_take_for_ever_is_not_begun(tmp_path: Path, stats: ScaleStats) -> None:
    content = {name: getattr(stats, name) for name in ARRAYS}
    for nest in (lambda value: [value, value], lambda value: (value, value)):
        nested: Any = 1.0
        for _ in range(40):
            nested = nest(nested)
        with pytest.raises(UserError, match="nests values|linear_mean is not a list of finite numbers"):
            read_statistics(save_pickle(tmp_path / "scale_stats.npy", pickle.dumps({**content, "linear_mean": nested})))
    path = save_pickle(tmp_path / "scale_stats.npy", pickle.dumps({**content, "linear_mean": _Claims()}))
    assert path.stat().st_size < 10_000
    with pytest.raises(UserError, match="not a statistics file|linear_mean is not a list of finite numbers"):
        read_statistics(path)


def test_a_header_that_is_no_literal_is_named(tmp_path: Path) -> None:
    for header in (b"(" * 5000, b"{'descr': 1", b"\xff\xfe"):
        (tmp_path / "scale_stats.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        with pytest.raises(UserError, match="no .npy header"):
            read_statistics(tmp_path / "scale_stats.npy")


def test_files_that_are_no_statistics_are_named(tmp_path: Path, stats: ScaleStats) -> None:
    path = tmp_path / "scale_stats.npy"
    with pytest.raises(UserError, match=r"scale_stats\.npy: .*No such file"):
        read_statistics(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_statistics(tmp_path)
    write_statistics(path, stats)
    whole = path.read_bytes()
    for broken in (b"", b"not numpy", whole[:50], whole[:500], whole[:-20]):
        path.write_bytes(broken)
        with pytest.raises(UserError, match=r"scale_stats\.npy: not a statistics file"):
            read_statistics(path)
    np.save(path, np.zeros(3))
    with pytest.raises(UserError, match="float64"):
        read_statistics(path)
    with pytest.raises(UserError, match="no dictionary"):
        read_statistics(save(path, "text"))


def test_statistics_that_cannot_be_divided_by_are_refused(tmp_path: Path, stats: ScaleStats) -> None:
    path = tmp_path / "scale_stats.npy"
    content = {name: getattr(stats, name) for name in ARRAYS}
    for changed, complaint in [
        ({"mel_std": np.zeros(80)}, "mel_std holds a value"),
        ({"mel_mean": np.zeros(79)}, "differ in length"),
        ({"linear_mean": np.full(513, np.nan)}, "linear_mean is not a list of finite numbers"),
        ({"linear_mean": [10**400] * 513}, "linear_mean is not a list of finite numbers"),
        ({"linear_mean": np.full(513, 1e300)}, "linear_mean is not a list of finite numbers"),
        ({"linear_mean": "many"}, "linear_mean is not a list of finite numbers"),
        ({"linear_mean": [10**400]}, "linear_mean is not a list of finite numbers"),
        ({"linear_mean": [[1.0], [2.0, 3.0]]}, "linear_mean is not a list of finite numbers"),
        ({"linear_mean": np.zeros(3, dtype=complex)}, "linear_mean is not a list of finite numbers"),
        ({"linear_mean": np.zeros((2, 2))}, "linear_mean is not a list of finite numbers"),
    ]:
        with pytest.raises(UserError, match=complaint):
            read_statistics(save(path, {**content, **changed}))
    del content["mel_mean"]
    with pytest.raises(UserError, match="lacks mel_mean"):
        read_statistics(save(path, content))


def test_computed_statistics_normalise_the_recordings(
    tmp_path: Path, make_audio: Callable[..., AudioConfig], voice: np.ndarray
) -> None:
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    write_waveform(paths[0], voice, 16000)
    write_waveform(paths[1], voice[:9000] * 0.3, 16000)
    computed = compute_statistics(SpectrogramExtractor(make_audio()), paths, {"fft_size": 1024})
    write_statistics(tmp_path / "scale_stats.npy", computed)
    extractor = SpectrogramExtractor(make_audio(stats_path=str(tmp_path / "scale_stats.npy")))
    for spectrogram in (extractor.mel, extractor.linear):
        frames = np.concatenate([spectrogram(extractor.load(path)) for path in paths], axis=1)
        np.testing.assert_allclose(frames.mean(axis=1), 0, atol=1e-3)
        np.testing.assert_allclose(frames.std(axis=1), 1, atol=1e-3)


def test_statistics_of_nothing_are_refused(make_audio: Callable[..., AudioConfig]) -> None:
    with pytest.raises(UserError, match="no recordings"):
        compute_statistics(SpectrogramExtractor(make_audio()), [])


def test_statistics_of_channels_that_never_change_can_be_divided_by(
    tmp_path: Path, make_audio: Callable[..., AudioConfig]
) -> None:
    write_waveform(tmp_path / "silence.wav", np.zeros(16000), 16000)
    computed = compute_statistics(SpectrogramExtractor(make_audio()), [tmp_path / "silence.wav"])
    assert (computed.mel_std > 0).all()

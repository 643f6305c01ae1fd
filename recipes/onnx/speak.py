"""Speak with exported models where there is no torch and no finetune-tts: with numpy and onnxruntime alone.

    tts-finetune --export onnx RUN
    python recipes/onnx/speak.py RUN/model.onnx --text "as the model spells it." --out speech.wav
    python recipes/onnx/speak.py RUN/model.onnx --vocoder VOCODER_RUN/model.onnx --text "…" --out speech.wav

The text is in the symbols of the model: letters, or phonemes for a model that reads these. A vocoder has to have the
audio settings of the model, as one that was trained on the same recordings has.
"""

import argparse
import json
import sys
import wave
from pathlib import Path

import numpy as np
import onnxruntime


def open_model(path: Path) -> tuple[onnxruntime.InferenceSession, dict[str, str]]:
    """The model, and what it tells of itself."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session, dict(session.get_modelmeta().custom_metadata_map)


def token_ids(text: str, about: dict[str, str]) -> list[int]:
    """The ids of a text's symbols, with blanks between them and marks around them where the model wants these."""
    reading = json.loads(about["reading"])
    known = {symbol: number for number, symbol in enumerate(reading["symbols"])}
    ids = [known[symbol] for symbol in text if symbol in known]
    if reading["blank"] is not None:
        ids = [number for symbol in ids for number in (reading["blank"], symbol)] + [reading["blank"]]
    if reading["bos"] is not None:
        ids = [reading["bos"], *ids, reading["eos"]]
    return ids


def speak(text: str, model: Path, vocoder: Path | None, speaker: int, language: int) -> tuple[np.ndarray, int]:
    """The waveform ``[T_wav]`` of a text, and its rate."""
    session, about = open_model(model)
    ids = token_ids(text, about)
    scales = list(json.loads(about["scales"]).values())
    given = {
        "input": np.array([ids], dtype=np.int64),
        "input_lengths": np.array([len(ids)], dtype=np.int64),
        "scales": np.array(scales, dtype=np.float32),
        "sid": np.array([speaker], dtype=np.int64),
        "langid": np.array([language], dtype=np.int64),
    }
    (output,) = session.run(None, {entry.name: given[entry.name] for entry in session.get_inputs()})
    if about["output"] == "mel spectrogram":
        if vocoder is None:
            sys.exit("This model draws spectrograms: give --vocoder.")
        session, about = open_model(vocoder)
        feed = {"mel": output.transpose(0, 2, 1)}  # [1, T_mel, n_mels] → [1, n_mels, T_mel]
        for entry in session.get_inputs()[1:]:  # a vocoder that turns noise into speech
            a_frame, more = json.loads(about["noise_length"])
            shape = (1, entry.shape[1], output.shape[1] * a_frame + more)
            feed[entry.name] = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        (output,) = session.run(None, feed)
    return output.reshape(-1), int(about["sample_rate"])


def main() -> None:
    """Speak, and write the waveform."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="model.onnx of --export onnx")
    parser.add_argument("--vocoder", type=Path, help="the same of a vocoder, for a model that draws spectrograms")
    parser.add_argument("--text", required=True, help="what to say, in the symbols of the model")
    parser.add_argument("--speaker", type=int, default=0, help="row of the speaker, as speakers.json has it")
    parser.add_argument("--language", type=int, default=0, help="row of the language, as language_ids.json has it")
    parser.add_argument("--out", type=Path, default=Path("speech.wav"))
    args = parser.parse_args()
    waveform, rate = speak(args.text, args.model, args.vocoder, args.speaker, args.language)
    with wave.open(str(args.out), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((waveform.clip(-1, 1) * 32767).astype("<i2").tobytes())
    print(f"{args.out}: {len(waveform) / rate:.2f} s")


if __name__ == "__main__":
    main()

"""A massively multilingual release (MMS) synthesises and is fine-tuned by its name, as it is published."""

import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from finetune_tts.catalog.entry import naming
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import load_config
from finetune_tts.families.vits.mms import from_mms

pytestmark = pytest.mark.usefixtures("small_widths")

NAME = "tts_models/xyz/fairseq/vits"
SYMBOLS = ["|", *"abcdefgh", "'", " "]
CONFIG = {
    "train": {"segment_size": 1024, "learning_rate": 2e-4},
    "data": {
        "training_files": "train.ltr", "text_cleaners": ["transliteration_cleaners"], "sampling_rate": 8000,
        "filter_length": 256, "hop_length": 64, "win_length": 256, "n_mel_channels": 20, "mel_fmin": 0.0,
        "mel_fmax": None, "add_blank": True, "n_speakers": 0,
    },
    "model": {
        "inter_channels": 8, "hidden_channels": 8, "filter_channels": 8, "n_heads": 2, "n_layers": 1,
        "kernel_size": 3, "p_dropout": 0.1, "resblock": "1", "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1]], "upsample_rates": [8, 8], "upsample_initial_channel": 16,
        "upsample_kernel_sizes": [16, 16], "n_layers_q": 3, "use_spectral_norm": False,
    },
}  # fmt: skip


@pytest.fixture
def published(tmp_path, original_names):
    """The folder of a release as its makers have it."""
    folder = tmp_path / "xyz"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "vocab.txt").write_text("\n".join(SYMBOLS) + "\n")
    torch.manual_seed(5)
    network = build_model(load_config(folder / "config.json"), len(SYMBOLS), for_training=False)
    weights = original_names(network.state_dict())
    torch.save({"model": weights, "iteration": 100000, "learning_rate": 2e-4}, folder / "G_100000.pth")
    return folder


@pytest.fixture
def address(published, monkeypatch):
    """Serve the release as a tarball where the releases of MMS are looked for."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.add(published, "xyz")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/xyz.tar.gz" else 404)
            self.send_header("Content-Length", str(len(content.getvalue())))
            self.end_headers()
            self.wfile.write(content.getvalue())

        def log_message(self, format: str, *args: object) -> None:
            """The test's output stays clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}/{{language}}.tar.gz"
    monkeypatch.setitem(naming()["families"][0], "archive", address)
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_is_downloaded_and_speaks_by_its_name(tts, address):
    outcome = tts("--model_name", NAME, "--text", "Abba had a bed", "--out_path", "first.wav")
    assert outcome.status == 0, outcome.err
    assert outcome.line("model: ").endswith("tts_models--xyz--fairseq--vits")
    assert "left out" not in outcome.err
    again = tts("--model_path", outcome.line("model: "), "--text", "Abba had a bed", "--out_path", "second.wav")
    assert again.status == 0, again.err


def test_it_is_tuned_by_its_name_and_then_a_model_like_any_other(tune, tts, address, recordings, tmp_path):
    outcome = tune(
        "--model_name", NAME, "--dataset_path", recordings, "--output_path", tmp_path / "runs", "--max_steps", 2,
        "--coqpit.batch_size", 2,
    )  # fmt: skip
    folder = outcome.run_folder
    assert "discriminator" in outcome.err
    config = load_config(folder / "config.json")
    assert config.model_args.spec_segment_size == 16
    assert config.add_blank
    names = read_checkpoint(folder).model.keys()
    assert {"text_encoder.emb.weight", "flow.flows.3.pre.weight", "duration_predictor.flows.4.pre.weight"} <= names
    assert tts("--model_path", folder, "--text", "a bad egg").status == 0


def test_punctuation_that_its_vocabulary_lacks_is_dropped_and_said_once(tune, tts, address, make_recordings, tmp_path):
    texts = ("Abba, had!", "A bad egg.", "Dad (fed) a cab?", "Head - bed…", "“Deaf”, aged.", "Cage; faced: bee.")
    recordings = make_recordings(tmp_path / "punctuated", texts)
    words = ["--model_name", NAME, "--dataset_path", recordings, "--output_path", tmp_path / "runs"]
    check = tune(*words, "--check")
    assert check.status == 0, check.err
    assert "the model reads no punctuation; 15 marks left out: '.' 3×" in check.out
    assert "every character" in check.out
    outcome = tune(*words, "--max_steps", 1, "--coqpit.batch_size", 2)
    assert outcome.status == 0, outcome.err
    assert outcome.err.count("The model reads no punctuation: 15 marks are left out of the text") == 1
    spoken = tts("--model_path", outcome.run_folder, "--text", "Abba, had a bad egg.")
    assert spoken.status == 0, spoken.err
    assert "the model reads no punctuation, left out: , ." in spoken.err


def test_letters_that_its_vocabulary_lacks_are_an_error_and_the_advice_helps(tune, address, make_recordings, tmp_path):
    recordings = make_recordings(tmp_path / "other", ("ab äb, a 5", "a bad äg.", "had äd", "bed äh"))
    words = ["--model_name", NAME, "--dataset_path", recordings, "--output_path", tmp_path / "runs", "--max_steps", 1]
    outcome = tune(*words)
    outcome.refused("lacks 5 of 31 characters", "'ä' (U+00E4) 4×, '5' (U+0035) 1×", "add them to characters.vocab_dict")
    outcome = tune(*words, "--coqpit.characters.vocab_dict", '["ä", "5"]')
    symbols = load_config(outcome.run_folder / "config.json").characters.vocab_dict
    assert sorted(symbols) == sorted([*SYMBOLS, "ä", "5"])


def test_a_vocabulary_that_is_missing_or_broken_is_named(published):
    (published / "vocab.txt").write_text("a\n\nb\n")
    with pytest.raises(UserError, match="vocab.txt, line 2: an empty line"):
        load_config(published / "config.json")
    (published / "vocab.txt").unlink()
    with pytest.raises(UserError, match="vocab.txt: cannot be read"):
        load_config(published / "config.json")


@pytest.mark.parametrize(
    ("group", "field", "value"),
    [
        *(("data", "filter_length", value) for value in ("x", None, 0, -1, 2.5, True, 10**30)),
        *(("data", "hop_length", value) for value in (0, None, [])),
        ("train", "segment_size", "many"),
    ],
)
def test_a_size_of_the_original_config_that_is_none_is_named(published, group, field, value):
    values = {**CONFIG, group: {**CONFIG[group], field: value}}
    with pytest.raises(UserError, match=f"config.json: {group}.{field} = .*: must be a whole number, at least 1"):
        from_mms(values, published)


def test_the_first_symbol_is_the_blank_and_the_space_the_padding(published):
    values = from_mms(CONFIG, published)
    assert (values["characters"]["blank"], values["characters"]["pad"]) == ("|", " ")
    assert values["characters"]["vocab_dict"] == SYMBOLS


def test_a_model_of_romanised_text_says_so(published, caplog):
    with caplog.at_level("WARNING"):
        from_mms({**CONFIG, "data": {**CONFIG["data"], "training_files": "train.uroman"}}, published)
    assert "romanised" in caplog.text

import numpy as np
import pytest
import torch

from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.speakers import SpeakerNames
from finetune_tts.errors import UserError
from finetune_tts.synthesis.delivery import Delivery


def test_a_text_becomes_a_waveform_with_its_spectrogram_and_alignment(make_voice):
    speech = make_voice().speak("a bad egg")
    assert speech.waveform.dtype == np.float32
    assert speech.waveform.ndim == 1
    assert speech.sample_rate == 8000
    assert speech.seconds == len(speech.waveform) / 8000
    assert speech.alignment.shape == (len(speech.mel), len("a bad egg"))
    assert np.array_equal(speech.alignment.sum(axis=1), np.ones(len(speech.mel)))
    assert speech.missing == ""
    assert np.isfinite(speech.waveform).all()


def test_the_same_text_is_spoken_the_same_and_uses_up_no_randomness(make_voice):
    voice = make_voice()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = voice.speak("a bad egg", Delivery(noise_scale=1.0))
    assert torch.equal(torch.rand(1), expected)
    assert np.array_equal(voice.speak("a bad egg", Delivery(noise_scale=1.0)).waveform, first.waveform)
    assert not np.array_equal(voice.speak("a bad egg", Delivery(noise_scale=0.5)).waveform, first.waveform)


def test_a_network_in_training_stays_in_training(make_voice):
    voice = make_voice()
    calm = voice.speak("a bad egg").waveform
    voice.network.train()
    assert np.array_equal(voice.speak("a bad egg").waveform, calm)
    assert voice.network.training
    with pytest.raises(UserError):
        voice.speak("Ω")
    assert voice.network.training
    # Nothing that speaking left behind keeps it from being trained.
    assert all(parameter.requires_grad for parameter in voice.network.parameters())
    lengths = torch.tensor([4])
    output = voice.network(torch.ones(1, 4, dtype=torch.long), lengths, torch.randn(1, 12, 8), torch.tensor([12]))
    output.z.sum().backward()


def test_sentences_are_joined_by_a_pause(make_voice):
    voice = make_voice()
    one, two = voice.speak("a bad egg.").waveform, voice.speak("head bed.").waveform
    both = voice.speak("a bad egg.\n\nhead bed.").waveform
    assert np.array_equal(both, np.concatenate([one, np.zeros(2000, np.float32), two]))
    assert len(voice.speak("a bad egg. head bed.", split=False).waveform) != len(both)


def test_what_the_vocabulary_lacks_is_told(make_voice):
    voice = make_voice()
    speech = voice.speak("a xbyx egg.\n\nΩ!")
    assert speech.missing == "xyΩ!"
    assert np.array_equal(speech.waveform, voice.speak("a b egg.").waveform)


@pytest.mark.parametrize("text", ["", "Ω", "Ω?! xyz", "...", "  "])
def test_a_text_with_nothing_to_speak_is_refused(make_voice, text):
    with pytest.raises(UserError, match="there is nothing in it that this model can read"):
        make_voice().speak(text)


def test_blanks_and_sentence_ends_are_nothing_to_speak(make_voice, make_config):
    characters = {"pad": "_", "blank": "#", "bos": "^", "eos": "$", "characters": "abc", "punctuations": " ."}
    voice = make_voice(make_config(characters=characters, add_blank=True, enable_eos_bos_chars=True))
    assert voice.speak("abc").seconds > 0
    with pytest.raises(UserError):
        voice.speak("xyz")


def test_speakers_are_chosen_by_name(make_voice, make_config):
    config = make_config(use_speaker_embedding=True)
    voice = make_voice(config, 2, speakers=SpeakerNames({"ann": 0, "bob": 1}))
    assert voice.speaker_names == ("ann", "bob")
    assert not np.array_equal(
        voice.speak("egg", Delivery(speaker="ann")).mel, voice.speak("egg", Delivery(speaker="bob")).mel
    )
    with pytest.raises(UserError, match=r"2 speakers: choose one with --speaker_idx \(ann, bob\)"):
        voice.speak("egg")
    with pytest.raises(UserError, match="Did you mean bob"):
        voice.speak("egg", Delivery(speaker="bobby"))


def test_a_single_speaker_need_not_be_named(make_voice, make_config):
    voice = make_voice(make_config(use_speaker_embedding=True), 1, speakers=SpeakerNames({"ann": 0}))
    assert np.array_equal(voice.speak("egg").mel, voice.speak("egg", Delivery(speaker="ann")).mel)


def test_d_vectors_speak_with_the_mean_of_their_speaker(make_voice, make_config):
    config = make_config(use_d_vector_file=True, d_vector_dim=4)
    vectors = {"a1": np.ones(4, np.float32), "a2": np.zeros(4, np.float32), "b1": -np.ones(4, np.float32)}
    voice = make_voice(config, d_vectors=DVectors(vectors, {"a1": "ann", "a2": "ann", "b1": "bob"}))
    assert voice.speaker_names == ("ann", "bob")
    assert not np.array_equal(
        voice.speak("egg", Delivery(speaker="ann")).mel, voice.speak("egg", Delivery(speaker="bob")).mel
    )


def test_a_voice_without_names_takes_none(make_voice):
    assert make_voice().speaker_names == ()
    with pytest.raises(UserError, match="one voice"):
        make_voice().speak("egg", Delivery(speaker="ann"))


def test_languages_are_those_of_the_phonemizers(make_voice, make_config):
    assert make_voice().languages == ()
    datasets = [{"path": "x", "language": "en-us"}, {"path": "y", "language": "de"}]
    characters = {"pad": "_", "characters": "ɛaɡ", "punctuations": " ."}
    config = make_config(
        use_phonemes=True, phonemizer="multi_phonemizer", datasets=datasets, characters=characters, add_blank=False
    )
    voice = make_voice(config)
    assert voice.languages == ("en-us", "de")
    assert voice.speak("egg", Delivery(language="en-us")).seconds > 0
    with pytest.raises(UserError, match="en-us, de"):
        voice.speak("egg")


def test_what_can_be_spoken_is_known_without_the_network(make_voice):
    voice = make_voice()
    voice.network = None
    voice.require_speakable("egg")
    with pytest.raises(UserError):
        voice.require_speakable("Ω")
    with pytest.raises(UserError):
        voice.require_speakable("egg", Delivery(speaker="ann"))


def test_a_stream_is_what_is_spoken_and_whoever_takes_it_notices_nothing(make_voice):
    voice = make_voice()
    delivery = Delivery(noise_scale=1.0, seed=4)
    whole = voice.speak("a bad egg.\n\nhad a hag.", delivery).waveform
    voice.network.train()
    torch.manual_seed(9)
    expected = torch.rand(2)
    torch.manual_seed(9)
    parts, drawn = [], []
    for part in voice.stream("a bad egg.\n\nhad a hag.", delivery):
        parts.append(part)
        assert not torch.is_inference_mode_enabled()
        assert voice.network.training
        drawn.append(torch.rand(1))
    assert np.array_equal(np.concatenate(parts), whole)
    assert len(parts) == 3  # a pause among them
    assert torch.equal(torch.cat(drawn)[:2], expected)


def test_a_stream_refuses_before_its_first_part(make_voice):
    with pytest.raises(UserError, match="nothing in it"):
        make_voice().stream("Ω")

import pytest

from finetune_tts.data.near_misses import NearMisses
from finetune_tts.errors import UserError


@pytest.mark.parametrize(
    ("recording", "name", "said"),
    [
        ("wavs/Voice_1.wav", "voice_1", "There is wavs/Voice_1.wav: upper and lower case differ"),
        ("wavs/voice_1.WAV", "Voice_1.wav", "upper and lower case differ"),
        ("wavs/voice_0001.wav", "voice_1", "There is wavs/voice_0001.wav: zeros in front are lost"),
        ("wavs/0001.wav", "1", "zeros in front are lost, as spreadsheets lose them"),
        ("takes/a/1.wav", "1", "There is takes/a/1.wav, in another folder"),
        ("takes/01.wav", "x/1", "in another folder, and spelled otherwise"),
        ("wavs/1.wav", r"C:\Users\me\wavs\1.wav", "There is wavs/1.wav, in another folder"),
        ("wavs/1.wav", "/home/old/1.wav", "There is wavs/1.wav, in another folder"),
        ("wavs/1.wav", "2", "there are wavs/1.wav."),
    ],
)
@pytest.mark.parametrize("header", ["", "file|text\n"])
def test_what_is_nearly_there_is_named(read_folder, recording, name, said, header):
    with pytest.raises(UserError) as caught:
        read_folder({"metadata.csv": f"{header}{name}|Yes\n"}, [recording])
    assert said in str(caught.value)
    if not header:
        assert f"line 1 says '{name}', looked for " in str(caught.value)


def test_no_recording_at_all_is_said(tmp_path):
    assert NearMisses(tmp_path).explain(["x"]) == f"There is no recording below {tmp_path}."


@pytest.mark.parametrize("formatter", ["auto", "thorsten", "csv"])
def test_folders_separated_as_on_windows_are_found(read_folder, formatter):
    name = r"..\wavs\1.wav" if formatter == "thorsten" else r"wavs\1.wav"
    header = "file|text\n" if formatter == "csv" else ""
    (sample,) = read_folder({"metadata.csv": f"{header}{name}|Yes\n"}, formatter=formatter)
    assert sample.audio_file.name == "1.wav"

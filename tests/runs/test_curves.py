from finetune_tts.runs.curves import draw_loss_curve
from finetune_tts.runs.history import HistoryEntry


def entry(step, split="train", loss=1.0):
    return HistoryEntry(step, 0, split, {"loss": loss}, rate=0.1)


def test_the_curve_is_a_picture(tmp_path):
    entries = [entry(1), entry(2, "eval", 0.7), entry(3, loss=0.5), entry(4, "eval", 0.8)]
    draw_loss_curve(entries, tmp_path / "curve.png", title="run")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_curve_of_nothing_is_an_empty_picture(tmp_path):
    draw_loss_curve([], tmp_path / "curve.png")
    assert (tmp_path / "curve.png").exists()

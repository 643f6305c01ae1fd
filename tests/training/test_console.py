import io
import logging

from finetune_tts.training.console import Progress, duration, run_log


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_bar_with_loss_rate_speed_and_time_left():
    terminal = Terminal()
    progress = Progress(10, 2, stream=terminal)
    for _ in range(4):
        progress.step()
    progress.losses(6, {"loss": 1.5}, 0.001)
    progress.close()

    shown = terminal.getvalue()
    assert "6/10" in shown
    assert "loss 1.5000, rate 0.001" in shown
    assert "step/s" in shown or "s/step" in shown


def test_a_file_gets_lines(caplog):
    caplog.set_level(logging.INFO)
    stream = io.StringIO()
    progress = Progress(10, stream=stream)
    progress.step()
    progress.losses(1, {"log_mle": 0.5, "loss": 1.5}, 1e-5)
    progress.close()

    assert stream.getvalue() == ""
    assert "step 1/10: loss 1.5000, log_mle 0.5000, rate 1e-05" in caplog.text
    assert "steps/s" in caplog.text
    assert "left" in caplog.text


def test_other_processes_say_nothing(caplog):
    caplog.set_level(logging.INFO)
    terminal = Terminal()
    progress = Progress(10, show=False, stream=terminal)
    progress.step()
    progress.losses(1, {"loss": 1.5}, 1e-5)
    assert terminal.getvalue() == caplog.text == ""


def test_the_log_of_the_run_holds_what_the_package_says_and_leaves_no_handler(tmp_path, monkeypatch):
    package = logging.getLogger("finetune_tts")
    monkeypatch.setattr(package, "propagate", False)  # test reports, which hold the log, cannot hold half a character
    before = (list(package.handlers), package.level)
    with run_log(tmp_path):
        logging.getLogger("finetune_tts.anything").info("told äöü")
        logging.getLogger("finetune_tts.anything").info("caf\udce9.wav")
    logging.getLogger("finetune_tts.anything").warning("not told")

    text = (tmp_path / "trainer_0_log.txt").read_text(encoding="utf-8")
    assert "INFO told äöü" in text
    assert r"INFO caf\udce9.wav" in text
    assert "not told" not in text
    assert (list(package.handlers), package.level) == before


def test_lines_on_the_bar_are_kept_off_the_terminal(tmp_path, capsys):
    import sys

    handler = logging.StreamHandler(sys.stderr)
    package = logging.getLogger("finetune_tts")
    package.addHandler(handler)
    try:
        with run_log(tmp_path):
            package.warning("beside", extra={"on_bar": True})
            package.warning("above")
    finally:
        package.removeHandler(handler)

    assert capsys.readouterr().err == "above\n"
    assert "beside" in (tmp_path / "trainer_0_log.txt").read_text()


def test_durations_as_a_person_reads_them():
    assert [duration(seconds) for seconds in (3.4, 600, 7500)] == ["3 s", "10 min", "2 h 05 min"]

import io
import logging

import pytest

from finetune_tts.check.log_warnings import warnings_kept


@pytest.fixture
def shown():
    """What the package shows."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    package = logging.getLogger("finetune_tts")
    before = package.level
    package.addHandler(handler)
    package.setLevel(logging.INFO)
    yield stream
    package.removeHandler(handler)
    package.setLevel(before)


def test_progress_is_shown_and_warnings_are_kept(shown):
    with warnings_kept() as notes:
        logging.getLogger("finetune_tts.data.progress").info("half way")
        logging.getLogger("finetune_tts.assembly.speech").info("restored")
        logging.getLogger("finetune_tts.assembly.pretrained").warning("two %s", "alphabets")
        logging.getLogger("finetune_tts.data.filtering").warning("3 clips are left out")
    logging.getLogger("finetune_tts.assembly.speech").info("afterwards")
    assert notes == ["two alphabets"]
    assert shown.getvalue() == "half way\nafterwards\n"


def test_everything_is_shown_again_after_a_fault(shown):
    with pytest.raises(KeyError), warnings_kept():
        raise KeyError
    logging.getLogger("finetune_tts.assembly.speech").warning("again")
    assert shown.getvalue() == "again\n"

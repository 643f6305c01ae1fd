import unicodedata

from finetune_tts.data.names import half_character, normal_form, readable, same_name


def test_bytes_that_are_not_utf_8_are_spelt_out():
    assert readable("caf\udce9 é 🐸") == "caf\\xe9 é 🐸"
    assert readable("plain") == "plain"
    assert half_character("caf\udce9") == "\udce9"
    assert half_character("a\ud83d") == "\ud83d"
    assert half_character("é 🐸") is None
    assert readable("\ud83d") == "\ud83d"  # no byte of a file name


def test_what_looks_the_same_is_the_same():
    composed, decomposed = (unicodedata.normalize(form, "José") for form in ("NFC", "NFD"))
    assert normal_form(decomposed) == composed
    assert same_name(composed, ["anna", decomposed]) == decomposed
    assert same_name(composed, [decomposed, composed]) == composed
    assert same_name("bert", {"anna": 0}) is None

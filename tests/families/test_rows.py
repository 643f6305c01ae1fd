from finetune_tts.families.registry import family_of, names


def test_every_architecture_that_reads_text_says_what_its_embeddings_stand_for():
    assert all(family_of(name).embedding_rows.symbols for name in names(vocoders=False))

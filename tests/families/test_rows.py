from finetune_tts.families.building import BUILDERS
from finetune_tts.families.rows import EMBEDDING_ROWS


def test_every_architecture_says_what_its_embeddings_stand_for():
    assert EMBEDDING_ROWS.keys() == BUILDERS.keys()

"""A voice as a folder that the package transformers loads, network and tokenizer."""

from finetune_tts.checkpoints.safetensors import write_safetensors
from finetune_tts.config.changes import apply_changes
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.families.building import fit_to_weights, read_weights
from finetune_tts.families.reading import tokenizer_of
from finetune_tts.families.registry import family_of
from finetune_tts.files import write_json
from finetune_tts.sharing.readers import cleaner_remark, espeak_language
from finetune_tts.sharing.source import Shared, Source

FOLDER_NAME = "transformers"

_PHONEMES = "en-us"  # the only ones that its tokenizer makes


def write(source: Source) -> Shared:
    """Write the folder.

    Raises:
        UserError: no model of this architecture can be written so, or not this one.
    """
    config = source.config()
    renamed = None if isinstance(config, VocoderConfig) else family_of(config.model).implementation.transformers
    if renamed is None or isinstance(config, VocoderConfig):
        raise UserError(f"--export transformers: transformers has no model of {config.model} that this one could be.")
    checkpoint = read_weights(source.weights, config)
    fitted = fit_to_weights(config, checkpoint)
    apply_changes(config, fitted.changes)
    tokenizer = tokenizer_of(config)
    vocabulary = tokenizer.vocabulary
    language = espeak_language("transformers", tokenizer)
    if tokenizer.use_eos_bos:
        raise UserError("--export transformers: the model reads bos and eos, which its tokenizer cannot write.")
    # Its tokenizer puts the id 0 between symbols.
    blank = vocabulary.id(vocabulary.blank) if tokenizer.add_blank and vocabulary.blank else 0
    order = [blank, *(place for place in range(len(vocabulary)) if place != blank)]
    tensors, values = renamed(config, dict(fitted.weights), order)
    symbols = {symbol: place for place, symbol in enumerate(vocabulary.symbols)}
    known = {symbol: order.index(place) for symbol, place in symbols.items()}
    known |= {f"<{row}>": row for row in set(range(len(order))) - set(known.values())}
    reads = {
        "tokenizer_class": values["tokenizer_class"],
        "add_blank": tokenizer.add_blank,
        "phonemize": language == _PHONEMES,
        "normalize": language is None,
        "is_uroman": False,
        "language": language or "",
        "pad_token": next(symbol for symbol, row in known.items() if row == 0),
        "unk_token": next(symbol for symbol, row in known.items() if row == 0),
    }
    folder = source.folder / FOLDER_NAME
    folder.mkdir(exist_ok=True)
    write_safetensors(folder / "model.safetensors", tensors, {"format": "pt", **source.terms.metadata()})
    for name, content in (("config.json", values), ("vocab.json", known), ("tokenizer_config.json", reads)):
        write_json(folder / name, content)
    files = [folder / name for name in ("model.safetensors", "config.json", "vocab.json", "tokenizer_config.json")]
    remarks = cleaner_remark("transformers", config.text_cleaner)
    if language not in (None, _PHONEMES):
        remarks = (*remarks, f"its tokenizer makes English phonemes alone: hand it those of {language} as text")
    return Shared(tuple(files), remarks)

"""Neural HMM TTS and OverFlow, as the program knows them."""

from dataclasses import replace

from finetune_tts.families.family import AdapterPlaces, EmbeddingRows, Family, Implementation
from finetune_tts.families.neural_hmm.config import HMMConfig, NeuralHMMConfig, OverflowConfig
from finetune_tts.families.neural_hmm.faults import hmm_faults, hmm_run_faults, overflow_faults


def _load() -> Implementation:
    from finetune_tts.families.neural_hmm.building import build_neural_hmm
    from finetune_tts.families.neural_hmm.speech import force, speak
    from finetune_tts.families.neural_hmm.task import NeuralHMMTask

    return Implementation(build=build_neural_hmm, task=NeuralHMMTask, speak=speak, force=force)


def _load_overflow() -> Implementation:
    from finetune_tts.families.neural_hmm.building import build_overflow

    return replace(NEURAL_HMM.implementation, build=build_overflow)


def _aligned_frames(config: HMMConfig) -> int:
    """Each state lasts a frame at least; frames that do not fill a group of the flow are cut off."""
    group = config.num_squeeze if isinstance(config, OverflowConfig) else 1
    return -(-config.state_per_phone // group) * group


NEURAL_HMM = Family(
    name="neuralhmm_tts",
    config_class=NeuralHMMConfig,
    load=_load,
    faults=hmm_faults,
    run_faults=hmm_run_faults,
    adapters=AdapterPlaces(never=("neural_hmm.output_net",)),
    rows=EmbeddingRows(symbols="encoder.emb.weight"),
    aligned_frames=_aligned_frames,
)
OVERFLOW = replace(
    NEURAL_HMM,
    name="overflow",
    config_class=OverflowConfig,
    load=_load_overflow,
    faults=overflow_faults,
    # The inverses of its mixing matrices, which early releases saved.
    derived=("weight_inv",),
)

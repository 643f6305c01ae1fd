"""Glow-TTS, as the program knows it."""

from finetune_tts.families.family import AdapterPlaces, EmbeddingRows, Family, Implementation
from finetune_tts.families.glow_tts.config import GlowTTSConfig, modernise
from finetune_tts.families.glow_tts.faults import glow_tts_faults, glow_tts_run_faults


def _load() -> Implementation:
    from finetune_tts.families.glow_tts.building import build_glow_tts
    from finetune_tts.families.glow_tts.export import export_acoustic, export_onnx
    from finetune_tts.families.glow_tts.speech import force, speak
    from finetune_tts.families.glow_tts.task import GlowTTSTask

    return Implementation(
        build=build_glow_tts,
        task=GlowTTSTask,
        speak=speak,
        force=force,
        exporters={"onnx": export_onnx, "sherpa": export_acoustic},
    )


FAMILY = Family(
    name="glow_tts",
    config_class=GlowTTSConfig,
    load=_load,
    faults=glow_tts_faults,
    run_faults=glow_tts_run_faults,
    modernise=modernise,
    adapters=AdapterPlaces(),
    rows=EmbeddingRows(symbols="encoder.emb.weight", speakers="emb_g.weight"),
    # The inverses of its mixing matrices, which early releases saved.
    derived=("weight_inv",),
    aligned_frames=lambda config: int(config.num_squeeze),
)

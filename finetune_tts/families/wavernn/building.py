"""From a config to a WaveRNN."""

from finetune_tts.families.family import Sizes
from finetune_tts.families.wavernn.config import WavernnConfig
from finetune_tts.families.wavernn.network import Wavernn


def build_wavernn(config: WavernnConfig, sizes: Sizes, *, for_training: bool = True) -> Wavernn:
    """Build WaveRNN."""
    args = config.model_args
    return Wavernn(
        feat_dims=args.feat_dims,
        rnn_dims=args.rnn_dims,
        fc_dims=args.fc_dims,
        compute_dims=args.compute_dims,
        res_out_dims=args.res_out_dims,
        num_res_blocks=args.num_res_blocks,
        use_aux_net=args.use_aux_net,
        use_upsample_net=args.use_upsample_net,
        upsample_factors=args.upsample_factors,
        mode=int(args.mode) if str(args.mode).isdigit() else args.mode,
        mulaw=args.mulaw,
        pad=args.pad,
        batched=config.batched,
        target_samples=config.target_samples,
        overlap_samples=config.overlap_samples,
    )

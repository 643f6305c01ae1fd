"""Training fields of a config: every field that the PyPI trainer's own config class has, in four groups."""

from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.adaptation import AdaptationConfig, MemoryConfig
from finetune_tts.config.base import Config, kept, own


@dataclass
class RunConfig(Config):
    """Where a run writes and what it tells."""

    output_path: str = field(default="output", metadata={"help": "Folder that run folders are made in."})
    logger_uri: str | None = field(
        default=None, metadata={"help": "Where the dashboard logger writes; null is the run folder."}
    )
    run_name: str = field(default="run", metadata={"help": "Name of the run; the start of its folder's name."})
    project_name: str | None = field(
        default=None, metadata={"help": "Project of the run on wandb, mlflow or clearml; tensorboard has none."}
    )
    run_description: str = kept("🐸Coqui trainer run.", "a note that stays in config.json")
    print_step: int = field(default=25, metadata={"help": "Steps between two lines of losses on the terminal."})
    plot_step: int = field(default=100, metadata={"help": "Steps between two entries on the dashboard."})
    model_param_stats: bool = field(default=False, metadata={"help": "Log statistics of all weights."})
    wandb_entity: str | None = field(
        default=None, metadata={"help": "User or team that the project belongs to on wandb."}
    )
    dashboard_logger: str = field(
        default="tensorboard", metadata={"help": "Dashboard: tensorboard, wandb, mlflow, clearml or aim."}
    )


@dataclass
class CheckpointConfig(Config):
    """When checkpoints are written and which are kept."""

    save_on_interrupt: bool = field(default=True, metadata={"help": "Write a checkpoint at Ctrl-C."})
    log_model_step: int | None = kept(None, "no checkpoint is handed to the dashboard")
    save_step: int = field(default=10000, metadata={"help": "Steps between two checkpoints."})
    save_n_checkpoints: int = field(default=5, metadata={"help": "Checkpoints to keep, beside the best."})
    save_checkpoints: bool = field(default=True, metadata={"help": "Write checkpoints."})
    save_all_best: bool = field(default=False, metadata={"help": "Keep every model that was the best once."})
    save_best_after: int = field(default=0, metadata={"help": "Steps before the first best model is written."})
    target_loss: str | None = field(
        default=None, metadata={"help": "Loss that decides which model is the best; null is the held-out total."}
    )


@dataclass
class EvaluationConfig(Config):
    """Held-out loss and test sentences."""

    print_eval: bool = field(default=False, metadata={"help": "Print the losses of every held-out batch."})
    test_delay_epochs: int = field(default=0, metadata={"help": "Epochs before test sentences are first synthesised."})
    run_eval: bool = field(default=True, metadata={"help": "Measure the held-out loss after each epoch."})
    run_eval_steps: int | None = field(
        default=None, metadata={"help": "Measure it after that many steps too; null is at the end of an epoch."}
    )


@dataclass
class OptimisationConfig(Config):
    """Steps, rates and numerics."""

    distributed_backend: str = kept("nccl", "the device decides: nccl on CUDA, else gloo")
    distributed_url: str = kept("tcp://localhost:54321", "torchrun says where processes meet")
    mixed_precision: bool = field(default=False, metadata={"help": "Train in mixed precision."})
    precision: str = field(default="fp16", metadata={"help": "Its lower precision: fp16 or bf16."})
    epochs: int = field(default=1000, metadata={"help": "Epochs to train."})
    batch_size: int = field(default=32, metadata={"help": "Clips in a training batch."})
    eval_batch_size: int = field(default=16, metadata={"help": "Clips in a held-out batch."})
    grad_clip: float | list[float] = field(
        default=0.0, metadata={"help": "Norm that gradients are cut to, one for each optimizer; 0 is off."}
    )
    scheduler_after_epoch: bool = field(
        default=True, metadata={"help": "Step the learning-rate schedule after each epoch, not after each step."}
    )
    lr: float | list[float] = field(default=0.001, metadata={"help": "Learning rate, one for each optimizer."})
    optimizer: str | list[str] | None = field(default=None, metadata={"help": "Optimizer: RAdam, AdamW, …"})
    optimizer_params: dict[str, Any] | list[dict[str, Any]] = field(
        default_factory=dict, metadata={"help": "Arguments of the optimizer."}
    )
    lr_scheduler: str | list[str] | None = field(
        default=None, metadata={"help": "Learning-rate schedule: NoamLR, ExponentialLR, …; null keeps the rate."}
    )
    lr_scheduler_params: dict[str, Any] | list[dict[str, Any]] = field(
        default_factory=dict, metadata={"help": "Arguments of the schedule."}
    )
    use_grad_scaler: bool = kept(False, "the loss is scaled where fp16 is used")
    allow_tf32: bool = field(default=False, metadata={"help": "TensorFloat-32 for products and convolutions on a GPU."})
    cudnn_enable: bool = field(default=True, metadata={"help": "Use cuDNN."})
    cudnn_deterministic: bool = field(default=False, metadata={"help": "Only deterministic cuDNN algorithms; slower."})
    cudnn_benchmark: bool = field(default=False, metadata={"help": "Let cuDNN try algorithms for each batch shape."})
    shard: bool = own(
        False, "Share weights, gradients and moments out over the processes (FSDP2), of architectures that allow it."
    )
    training_seed: int = field(default=54321, metadata={"help": "Seed of all random numbers of the run."})


@dataclass
class TrainingConfig(AdaptationConfig, MemoryConfig, OptimisationConfig, EvaluationConfig, CheckpointConfig, RunConfig):
    """All fields of the trainer, those that say what of a network learns, and what a step takes of memory."""

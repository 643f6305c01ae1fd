"""Which part of an adversarial task learns at which step (see joint_step.py for how).

The generator runs once, the discriminator looks once, both learn from it. The discriminator's view of the recordings
serves its own loss and the feature matching of the generator's.
"""

from typing import cast

from finetune_tts.tasks.adversarial import DISCRIMINATOR, GENERATOR, AdversarialTask
from finetune_tts.training.joint_step import JointStepper

WARM_UP_SHARE = 0.1
LONGEST_WARM_UP = 1000


def warm_up_for(total_steps: int) -> int:
    """How many steps a fresh discriminator learns alone in a run of ``total_steps``."""
    return min(LONGEST_WARM_UP, round(total_steps * WARM_UP_SHARE))


class AdversarialStepper(JointStepper):
    """Makes the steps of an :class:`AdversarialTask`.

    The first ``steps_to_start_discriminator`` steps train the generator alone; the ``discriminator_warm_up`` steps
    after them the discriminator alone, while the generator stays as it is; all others both.
    """

    def parts_at(self, number: int) -> tuple[int, ...]:
        """Which optimizers step ``number`` (from 1) moves."""
        alone = cast(AdversarialTask, self._task).steps_before_discriminator()
        if number <= alone:
            return (GENERATOR,)
        if number <= alone + self._settings.discriminator_warm_up:
            return (DISCRIMINATOR,)
        return (DISCRIMINATOR, GENERATOR)

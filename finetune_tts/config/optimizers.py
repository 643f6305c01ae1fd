"""Names of optimizers and learning-rate schedules that a config may hold.

Written out by hand, because asking torch for them would import it, and a mistyped name is to be found before that.
"""

OPTIMIZERS = (
    *("RAdam", "AdamW", "Adam", "NAdam", "Adamax", "SGD", "RMSprop", "Adagrad", "Adadelta"),
    *("Adafactor", "ASGD", "Rprop", "Muon", "Adam8bit", "AdamW8bit"),
)

#: Schedules that need nothing but the optimizer and plain arguments.
SCHEDULERS = (
    *("NoamLR", "StepwiseGradualLR", "ExponentialLR", "StepLR", "MultiStepLR", "ConstantLR", "LinearLR"),
    *("PolynomialLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR"),
)

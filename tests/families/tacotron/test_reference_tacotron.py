"""Tacotron gives the numbers of the reference: names, outputs, alignments, losses, gradients, speech."""

REFERENCE_MODEL = "tacotron"


# A network of this size takes seconds to make: all that a pass in training has is checked on one.
def test_reference_names_forward_pass_losses_and_gradients(tacotron_reference):
    tacotron_reference.check_names()
    tacotron_reference.check_output()
    tacotron_reference.check_losses()
    tacotron_reference.check_gradients()


def test_reference_speech_and_forward_pass_without_gradients(tacotron_reference):
    tacotron_reference.check_output_without_gradients()
    tacotron_reference.check_speech()

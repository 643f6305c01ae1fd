"""FastSpeech 2 gives the numbers of the reference: names, outputs, losses, gradients, speech."""

REFERENCE_MODEL = "fastspeech2"


def test_reference_names_forward_pass_losses_and_gradients(feed_forward_reference):
    feed_forward_reference.check_names()
    feed_forward_reference.check_output()
    feed_forward_reference.check_losses()
    feed_forward_reference.check_gradients()


def test_reference_speech(feed_forward_reference):
    feed_forward_reference.check_speech()

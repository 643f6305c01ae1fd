"""Neural HMM TTS gives the numbers of the reference: names, likelihoods, alignments, loss, gradients."""

REFERENCE_MODEL = "neuralhmm_tts"


def test_reference_likelihood_and_gradients(check_reference):
    check_reference()

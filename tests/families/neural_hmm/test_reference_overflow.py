"""OverFlow gives the numbers of the reference: names, likelihoods, alignments, loss, gradients."""

REFERENCE_MODEL = "overflow"


def test_reference_likelihood_and_gradients(check_reference):
    check_reference()

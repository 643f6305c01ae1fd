"""What speech sounds like, in numbers: sentences that are spoken, and what is measured of them."""

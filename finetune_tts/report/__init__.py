"""Did it help? What a run sounds like, in numbers and on a page."""

"""Raw recordings → a data set: speech found, cut at pauses, given its text, reviewed."""

"""The error that stands for a mistake of the person at the terminal."""


class UserError(ValueError):
    """Something that the person gave is wrong: a flag, a file, a field.

    The message says what is wrong, where (file, line, field, value) and what to do, in one or two lines.
    The programs print it without a traceback and end with exit status 2.
    """

"""What a person can fix, and what one is told of the rest."""


class UserError(Exception):
    """A mistake or a missing thing that whoever runs the command can fix. The text says what, where and how."""


def in_short(error: BaseException) -> str:
    """Return an exception in one line for a person who must look."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__

"""What a person can mend."""


class UserError(Exception):
    """A mistake or a missing thing that whoever runs the command can mend. The text says what, where and how."""

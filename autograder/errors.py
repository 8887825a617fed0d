"""What a person can fix."""


class UserError(Exception):
    """A mistake or a missing thing that whoever runs the command can fix. The text says what, where and how."""

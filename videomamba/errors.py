"""The errors that are for people."""


class UserError(ValueError):
    """Something that the user gave cannot be used; one line says what was given, what is allowed and what to do.

    The command line prints it and exits with status 2. Everything else is a fault of ours and shows its traceback.
    """

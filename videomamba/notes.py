"""Notes for users about a result that is not an error."""


class UserNote(UserWarning):
    """One line about what was assumed or replaced; issued with :func:`warnings.warn`, once for each text.

    The command line prints it as ``note: ...`` on standard error.
    """

"""What people should know about a result, though it is no error."""


class UserNote(UserWarning):
    """One line about what was assumed or replaced; issued with :func:`warnings.warn`, once for each text.

    The command line prints it as ``note: ...`` on standard error.
    """

"""Errors for users."""

from collections.abc import Callable, Mapping


class UserError(ValueError):
    """Input that cannot be used; one line says what was given, what is allowed and what to do.

    The command line prints it and exits with status 2. Any other exception is a bug and shows its traceback.
    """


class FieldError(UserError):
    """A configuration field with a value that cannot be used; :meth:`by` names it by the option that set it.

    Args:
        message: with ``{field}`` where a field is named.
        *names: fields that are named without a value.
        **values: fields that are named with the value that they have.
    """

    def __init__(self, message: str, *names: str, **values: object) -> None:
        self.message, self.names, self.values = message, names, values
        super().__init__(self._said(lambda name: name, lambda name, value: f"{name}={value!r}"))

    def by(self, options: Mapping[str, str]) -> str:
        """The message with options of a command line for fields, ``--lr 0`` for ``lr=0``.

        Args:
            options: field -> option and what to give it, such as ``--lr X``.
        """

        def valued(name: str, value: object) -> str:
            if name not in options:
                return f"{name}={value!r}"
            return " ".join(map(str, (options[name].split()[0], *(value if isinstance(value, tuple) else (value,)))))

        return self._said(lambda name: options.get(name, name), valued)

    def _said(self, bare: Callable[[str], str], valued: Callable[[str, object], str]) -> str:
        said = {name: bare(name) for name in self.names}
        said |= {name: valued(name, value) for name, value in self.values.items()}
        text = self.message
        for name, words in said.items():
            text = text.replace(f"{{{name}}}", words)
        return text

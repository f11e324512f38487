"""What is closed at the end of a ``with`` block."""

from abc import abstractmethod
from contextlib import AbstractContextManager


class Closing(AbstractContextManager):
    """A context manager that closes itself."""

    @abstractmethod
    def close(self) -> None:
        """Releases what is held open."""

    def __exit__(self, *_: object) -> None:
        self.close()

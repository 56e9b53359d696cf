"""What is hidden in a file that nobody should trust: if it is unpickled, it says so."""


class Executed(Exception):
    pass


class Trap:
    """Raises when it is unpickled."""

    def __reduce__(self):
        return (_spring, ())


def _spring():
    raise Executed

"""What can go wrong with a stack."""


class StackError(Exception):
    """The stack cannot run. The text says what is wrong and what to do, without a traceback."""

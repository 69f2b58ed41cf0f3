"""The one error type that carries a message meant for a person."""


class StudioError(Exception):
    """Something a person can act on; `str(error)` says what happened and what to do."""

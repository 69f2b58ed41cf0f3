"""Every failure as a sentence with a way out; the traceback goes to the log and nowhere else."""

from __future__ import annotations

import errno
import logging

from engine.errors import StudioError

log = logging.getLogger("easytune.page")

_DISK = "The disk is full, so nothing could be saved. Free some space on the server and try again."
_MEMORY = (
    "The machine ran out of memory. Ask for fewer samples or a shorter motion, or start the page "
    "with --device cpu."
)
_UNKNOWN = (
    "Something went wrong that should not have. Try again; if it happens twice, restart the page. "
    "The log of the server says what it was ({kind})."
)


def sentence(error: BaseException) -> str:
    """What a person reads for `error`; logs what they should not have to read."""
    if isinstance(error, StudioError):
        log.info("refused: %s", error)
        return str(error)
    log.error("unexpected error", exc_info=error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return _DISK
    kind = type(error).__name__
    if isinstance(error, MemoryError) or kind == "OutOfMemoryError":
        return _MEMORY
    return _UNKNOWN.format(kind=kind)

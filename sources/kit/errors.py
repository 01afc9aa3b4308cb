"""The errors that a source raises: one readable sentence that names the place and what to do."""


class SourceError(Exception):
    """A source cannot go on; the message is one readable sentence without any secret in it."""


class CredentialError(SourceError):
    """The vendor refuses the credentials (401, 403): the message names the setting to check."""


class VendorError(SourceError):
    """The vendor answers with a status that the caller did not expect and that does not pass by waiting."""

    def __init__(self, message: str, status: int) -> None:
        """Keep the HTTP `status` beside the `message`."""
        super().__init__(message)
        self.status = status


def readable(failure: BaseException) -> str | None:
    """The sentence of the innermost `SourceError` in a chain of exceptions (dlt wraps what sources raise), or None."""
    seen: set[int] = set()
    current: BaseException | None = failure
    found: str | None = None
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if isinstance(current, SourceError):
            found = str(current)
        current = current.__cause__ or current.__context__
    return found

"""The error of this package: its message is one sentence that names the place and says what to do."""


class PublishingError(Exception):
    """A table is not published, and ClickHouse holds what it held before; the message contains no secret."""

"""The error of this package: its message is one sentence that names the place and says what to do."""


class InvoicingError(Exception):
    """What was asked for is refused, and nothing was changed; the message is shown unchanged."""

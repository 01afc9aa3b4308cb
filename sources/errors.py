"""The errors that a source raises for its reader: one sentence that names the place and the mend. No handling here."""


class SourceError(Exception):
    """A source cannot go on; the message is one readable sentence without any secret in it."""

"""The errors of this package: each message is one sentence that names the place and the mend. No handling here."""


class WorkledgerError(Exception):
    """Something the reader can mend; the message is shown as it stands, so it holds no secret."""


class SettingsError(WorkledgerError):
    """A setting is unknown, malformed or contradicts another."""


class WarehouseError(WorkledgerError):
    """The Postgres warehouse cannot be started, reached or prepared."""


class ClickHouseError(WorkledgerError):
    """ClickHouse cannot be opened, or another process holds the embedded one."""


class SandboxError(WorkledgerError):
    """The local sandbox cannot be generated or served."""

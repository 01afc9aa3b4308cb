"""The errors of this package: each message is one sentence that names the place and says what to do."""


class WorkledgerError(Exception):
    """An error that the user can fix; its message is shown unchanged, so it contains no secret."""


class SettingsError(WorkledgerError):
    """A setting is unknown, malformed or contradicts another."""


class WarehouseError(WorkledgerError):
    """The Postgres warehouse cannot be started, reached or prepared."""


class ClickHouseError(WorkledgerError):
    """ClickHouse cannot be opened, or another process holds the embedded one."""


class SandboxError(WorkledgerError):
    """The local sandbox cannot be generated or served."""

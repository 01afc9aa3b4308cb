"""The ways by which invoices leave the house, as the settings open them; in a sandbox they all lead into it."""

from collections.abc import Callable, Sequence

import psycopg

from invoicing.delivery.codes import read_codes
from invoicing.delivery.didox import BASE_URL, DidoxChannel
from invoicing.delivery.mail import MailChannel, MailServer
from invoicing.delivery.planfact import PlanFactChannel
from invoicing.delivery.port import Channel
from invoicing.delivery.storage import StorageChannel
from orchestration.inputs.sandbox import ensure_sandbox
from orchestration.settings import Settings


def open_channels(
    settings: Settings, connection: psycopg.Connection, notify: Callable[[str], None]
) -> Sequence[Channel]:
    """The channels that are set up, in the order in which an invoice takes them.

    Args:
        settings: which there are.
        connection: of role owner, for the codes of other systems.
        notify: receives one sentence before anything that takes long.

    Raises:
        SandboxError: the sandbox cannot be served.
        InvoicingError: the reference files have not been loaded yet.
    """
    folder = str(settings.home / "invoices")
    if settings.profile == "sandbox":
        sandbox = ensure_sandbox(settings, notify)
        return [
            StorageChannel(folder),
            MailChannel(MailServer(sandbox.mail_url, "Sandbox <billing@agency.example>")),
            PlanFactChannel("sandbox-planfact-key", read_codes(connection, "planfact"), f"{sandbox.url}/planfact"),
            DidoxChannel(
                "sandbox-didox-partner",
                "301234567",
                "sandbox-didox-password",
                read_codes(connection, "didox"),
                f"{sandbox.url}/didox",
            ),
        ]
    channels: list[Channel] = [StorageChannel(settings.storage_url or folder, _storage_options(settings))]
    if settings.smtp_dsn and settings.mail_from:
        channels.append(MailChannel(MailServer(settings.smtp_dsn, settings.mail_from)))
    if settings.planfact_api_key:
        channels.append(PlanFactChannel(settings.planfact_api_key, read_codes(connection, "planfact")))
    if settings.didox_partner_token and settings.didox_tin and settings.didox_password:
        channels.append(
            DidoxChannel(
                settings.didox_partner_token,
                settings.didox_tin,
                settings.didox_password,
                read_codes(connection, "didox"),
                settings.didox_base_url or BASE_URL,
            )
        )
    return channels


def _storage_options(settings: Settings) -> dict[str, str]:
    given = {
        "endpoint": settings.storage_endpoint,
        "region": settings.storage_region,
        "access_key_id": settings.storage_access_key_id,
        "secret_access_key": settings.storage_secret_access_key,
    }
    return {name: value for name, value in given.items() if value}

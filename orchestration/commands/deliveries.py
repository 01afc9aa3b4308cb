"""`workledger invoice deliver` and what follows it: which way an invoice leaves the house, and what became of it."""

import re
from collections.abc import Sequence
from pathlib import Path

from invoicing.delivery import dispatch
from invoicing.delivery.didox import DidoxChannel, hand_in, keep_to_sign
from invoicing.delivery.dispatch import Delivery
from invoicing.delivery.port import Channel
from invoicing.errors import InvoicingError
from orchestration.commands.decisions import Notify, opened, say, who
from orchestration.inputs.channels import open_channels
from orchestration.settings import Settings


def deliver(
    settings: Settings,
    numbers: Sequence[str],
    channels: Sequence[str],
    again: bool,
    actor: str | None,
    notify: Notify,
) -> bool:
    """Deliver invoices, or without numbers try what is due; returns whether all of it has arrived."""
    with opened(settings, notify) as (connection, _):
        chosen = _chosen(open_channels(settings, connection, notify), channels)
        if numbers:
            done = [
                dispatch.deliver(connection, number, channel, actor=who(actor), again=again)
                for number in numbers
                for channel in chosen
            ]
        else:
            done = list(dispatch.deliver_due(connection, chosen, actor=who(actor)))
    for delivery in done:
        say(described(delivery))
    if not done:
        say("Nothing is due.")
    return all(delivery.state == "delivered" for delivery in done)


def settle(settings: Settings, delivery_id: str, arrived: bool, actor: str | None, notify: Notify) -> None:
    """Say what became of a delivery that nobody knew of."""
    with opened(settings, notify) as (connection, _):
        delivery = dispatch.settle_unknown(connection, delivery_id, arrived=arrived, actor=who(actor))
    say(described(delivery))


def write_to_sign(settings: Settings, number: str, file: Path, notify: Notify) -> None:
    """Write what is to be signed into a file."""
    with opened(settings, notify) as (connection, _):
        file.write_bytes(keep_to_sign(connection, _didox(open_channels(settings, connection, notify)), number))
    say(f"{file} holds what is to be signed of {number}; then: workledger invoice sign {number} SIGNATURE_FILE")


def sign(settings: Settings, number: str, file: Path, actor: str | None, notify: Notify) -> None:
    """Hand a signature in."""
    with opened(settings, notify) as (connection, _):
        channel = _didox(open_channels(settings, connection, notify))
        hand_in(connection, channel, number, file.read_bytes(), actor=who(actor))
    say(f"{number} is signed.")


def described(delivery: Delivery) -> str:
    """A delivery in one sentence, with what to do where it has not arrived."""
    subject = f"{delivery.number} by {delivery.channel.replace('_', '-')} to {delivery.target}"
    why = re.sub(r"[.\s]+$", "", delivery.last_error or "")
    again = f"workledger invoice deliver {delivery.number} --channel {delivery.channel}"
    match delivery.state:
        case "delivered":
            return f"{subject}: delivered {delivery.delivered_at:%Y-%m-%d %H:%M} UTC ({delivery.id})."
        case "failed" if delivery.next_attempt_at:
            return f"{subject}: not sent, {why}. It is tried again from {delivery.next_attempt_at:%Y-%m-%d %H:%M} UTC."
        case "failed":
            return f"{subject}: not sent, {why}. When that is mended: {again}"
        case "unknown":
            return (
                f"{subject}: nobody can tell whether it has arrived: {why}. Ask, then say "
                f"`workledger invoice arrived {delivery.id}` (or --not), or send it again: {again} --again"
            )
    return f"{subject}: being sent by another process."


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _chosen(channels: Sequence[Channel], names: Sequence[str]) -> Sequence[Channel]:
    known = {channel.name: channel for channel in channels}
    absent = sorted(set(names) - set(known))
    if absent:
        raise InvoicingError(f"Channel {absent[0]} is not set up; .env.example says how. There are {', '.join(known)}.")
    return [channel for name, channel in known.items() if not names or name in names]


def _didox(channels: Sequence[Channel]) -> DidoxChannel:
    for channel in channels:
        if isinstance(channel, DidoxChannel):
            return channel
    raise InvoicingError("Didox is not set up; set DIDOX_PARTNER_TOKEN, DIDOX_TIN and DIDOX_PASSWORD.")

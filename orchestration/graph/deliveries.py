"""How invoices leave the house by Dagster: a job for a person's decision, and a sensor that tries again what is due."""

from typing import Final

import dagster as dg
from pydantic import Field

from invoicing.delivery.dispatch import Delivery, deliver, deliver_due, has_due
from invoicing.errors import InvoicingError
from orchestration.errors import WorkledgerError
from orchestration.graph.instance import ALONE_TAG
from orchestration.graph.invoices import RESOURCE, Decisions
from orchestration.graph.policies import sensor_status
from orchestration.inputs.channels import open_channels
from orchestration.settings import Settings
from orchestration.warehouse.opening import open_warehouse

INTERVAL_SECONDS: Final = 60
_ACTOR: Final = "workledger"


class DeliverConfig(dg.Config):
    """Which invoices are sent, and by which ways; without numbers, what is due is tried again."""

    actor: str = Field(default=_ACTOR, description="Who decides; kept with the invoice.", min_length=1)
    numbers: list[str] = Field(default=[], description="Numbers of the invoices; none: what is due.")
    channels: list[str] = Field(
        default=[], description="storage, email, accounting, e_document; none: all that are set up."
    )
    again: bool = Field(default=False, description="Send once more what has arrived, or of which nobody knows.")


@dg.op(required_resource_keys={RESOURCE}, description="Send invoices out of the house.")
def deliver_numbers(context: dg.OpExecutionContext, config: DeliverConfig) -> None:
    """Deliver invoices."""
    decisions: Decisions = getattr(context.resources, RESOURCE)
    with decisions.opened() as (connection, _):
        channels = open_channels(decisions.settings, connection, context.log.info)
        if absent := sorted(set(config.channels) - {channel.name for channel in channels}):
            raise InvoicingError(f"Channel {absent[0]} is not set up; .env.example says how.")
        chosen = [channel for channel in channels if not config.channels or channel.name in config.channels]
        if config.numbers:
            done = [
                deliver(connection, number, channel, actor=config.actor, again=config.again)
                for number in config.numbers
                for channel in chosen
            ]
        else:
            done = list(deliver_due(connection, chosen, actor=config.actor))
    context.add_output_metadata({"deliveries": dg.MetadataValue.table(list(map(_row, done)), schema=_SCHEMA)})


@dg.job(
    description="Send invoices by e-mail, to storage, accounting and e-documents; each arrives once.",
    tags={ALONE_TAG: "deliveries"},
)
def deliver_invoices() -> None:
    """Deliver invoices."""
    deliver_numbers()


def delivery_sensor(settings: Settings) -> dg.SensorDefinition:
    """A sensor that starts the job when something is to be tried again or was broken off.

    Args:
        settings: decides whether the sensor runs as soon as the daemon does.
    """

    @dg.sensor(
        name="deliveries_due",
        job=deliver_invoices,
        minimum_interval_seconds=INTERVAL_SECONDS,
        description=f"Look every {INTERVAL_SECONDS} s whether a delivery that failed is due again, and try it then.",
        default_status=sensor_status(settings),
    )
    def look() -> dg.SkipReason | dg.RunRequest:
        try:
            with open_warehouse(settings).connect("owner") as connection:
                if not has_due(connection):
                    return dg.SkipReason("Nothing is due.")
        except WorkledgerError as error:
            return dg.SkipReason(str(error))
        return dg.RunRequest()

    return look


_SCHEMA: Final = dg.TableSchema(
    [dg.TableColumn(name, "string") for name in ("number", "channel", "target", "state", "why")]
)


def _row(delivery: Delivery) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "number": delivery.number,
            "channel": delivery.channel,
            "target": delivery.target,
            "state": delivery.state,
            "why": delivery.last_error or "",
        }
    )

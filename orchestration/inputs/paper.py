"""How documents of invoices are printed, by the settings."""

from invoicing.paper.printing import Printer
from orchestration.inputs.reference import reference_folder
from orchestration.settings import Settings


def printer(settings: Settings) -> Printer:
    """Gotenberg where its address is set, else plutoprint; the logo lies beside agency.csv."""
    return Printer(gotenberg_url=settings.gotenberg_url, logo_folder=reference_folder(settings))

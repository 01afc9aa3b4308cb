"""What Example's raw tables look like when the vendor is sane."""

from typing import Final

from assets.suites.rules import EMAIL, Suite, filled, matches, plausible_time
from sources.example import schema

SUITE: Final = Suite(
    "example",
    {
        schema.THINGS: (
            filled("name"),
            matches("owner_email", EMAIL),
            *plausible_time("created_at"),
        ),
    },
)

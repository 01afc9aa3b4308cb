"""The dlt source of Example: one resource for each raw table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dlt

from sources.example.client import DEFAULT_BASE_URL, connect, read_things
from sources.example.schema import THINGS
from sources.kit.arrow import to_arrow
from sources.kit.landed import declare
from sources.kit.quarantine import Quarantine, quarantined_records
from sources.kit.run import PerRun
from sources.kit.walk import Spool, ahead


@dlt.source(name="example", section="example", max_table_nesting=0)
def example() -> Any:
    """All things that the token can read.

    Settings (`SOURCES__EXAMPLE__…`): `API_TOKEN`; `BASE_URL`.
    """
    quarantines = PerRun(lambda: Quarantine("example"))

    @dlt.resource(**THINGS.dlt_hints())
    def things(api_token: str = dlt.secrets.value, base_url: str = DEFAULT_BASE_URL) -> Iterator[Any]:
        quarantine = quarantines()
        yield from declare(THINGS)
        spool = Spool(THINGS)
        for page in ahead(read_things(connect(base_url, api_token))):
            spool.add(to_arrow(THINGS, page, quarantine=quarantine))
        yield from spool.load(alone=True)
        yield from quarantine.flush()

    return things, quarantined_records()

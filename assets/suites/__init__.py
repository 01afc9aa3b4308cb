"""What raw data should look like: one suite of expectations per source, as data.

A suite states formats, ranges, known values and order of its tables' columns; `rules` has the kinds of rules, `catalog`
lists the suites. `assets.expectations` runs them against the warehouse; what the data means is tested in dbt.
"""

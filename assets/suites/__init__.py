"""What raw data looks like when a vendor is sane: one suite of expectations per source, as data.

A suite says formats, ranges, known values and order of its tables' columns; `rules` is the vocabulary, `catalog` lists
the suites. How they are run against the warehouse belongs to `assets.expectations`; meaning belongs to dbt's tests.
"""

"""The asset graph: assets, their keys and their checks. Clocks, credentials and policy are in `orchestration`."""

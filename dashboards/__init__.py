"""Pages of figures, charts and tables over the warehouse: SQL, Vega-Lite specifications, and what turns them into HTML.

One folder a page: `page.toml` says what is on it, `figures.sql` gives its headline figures, and each chart is a file
of SQL beside a Vega-Lite specification of the same name. Whoever calls brings the connections.
"""

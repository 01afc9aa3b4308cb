"""Invoices: a person's decision turns a prefill into an invoice, and payments settle it (rules, chapter 10).

Knows neither Dagster nor the command line; both call the same functions. Every function takes an open connection of
role `owner`, works in transactions of its own, and raises `InvoicingError` with one sentence that says what to do.
"""

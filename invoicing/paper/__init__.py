"""The documents of an invoice: what they show, how they are set, and that each is kept as it was first made.

Everything is made from the rows of schema `billing` alone, so that a document made later shows what was issued.
"""

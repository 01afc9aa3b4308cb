"""Tests of the bill: random cases against a plain calculation."""

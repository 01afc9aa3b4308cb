"""Tests of the models of time."""

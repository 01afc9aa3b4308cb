"""Tests of session models: random timelines against a plain calculation, runs on changed input against full ones."""

"""The definitions that Dagster loads (workspace.yaml)."""

from orchestration.graph.build import build_definitions
from orchestration.settings import load_settings

definitions = build_definitions(load_settings())

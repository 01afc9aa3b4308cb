"""What Dagster loads (workspace.yaml). Composition belongs to `build`."""

from orchestration.graph.build import build_definitions
from orchestration.settings import load_settings

definitions = build_definitions(load_settings())

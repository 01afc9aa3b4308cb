"""The definitions that Dagster loads (workspace.yaml)."""

from orchestration.graph.build import build_definitions
from orchestration.private_files import make_private
from orchestration.settings import load_settings

_settings = load_settings()
make_private(_settings.home)
definitions = build_definitions(_settings)

"""What exists: the asset graph, its keys and its checks. Clocks, credentials and policy belong to `orchestration`."""

"""What the sources share: HTTP, table declarations, conversion, spooling, the destination and the command line."""

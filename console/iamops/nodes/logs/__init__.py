"""The nodes' logs: followed, searched and counted where they are."""

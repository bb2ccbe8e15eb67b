"""What a run shows: tables, charts, maps of the cortex, and files for other programs."""

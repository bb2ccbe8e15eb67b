"""Networks: where each comes from, its weights and layers, how its images are prepared, and whether it can be tried."""

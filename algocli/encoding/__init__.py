"""From numbers to responses: splits, components, regressions, and the runs that hold what came out."""

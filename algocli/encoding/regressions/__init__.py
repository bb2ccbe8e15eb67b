"""Regressions: from components to responses, one file a kind."""

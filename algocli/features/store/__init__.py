"""Features on disk: stores keyed by what changes a number, their Gram matrices, and the care of both."""

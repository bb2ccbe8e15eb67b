"""Web pages of results that need no network: one file each, to be read, searched, turned about and printed."""

"""A challenge made up from a seed: drawn images, responses whose cause is known, the official layout."""

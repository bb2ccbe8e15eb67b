"""Arrays that other programs wrote, one file a format; `algocli.features.matrices` opens them by their suffix."""

"""Arrays that other programs wrote, one file a format; the module `matrices` above opens them by their suffix."""

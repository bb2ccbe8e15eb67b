"""The challenge as the organisers hand it out: their folders, what is wrong with a copy, ceilings from elsewhere."""

"""What the organisers hand out: images, responses, ROIs and noise ceilings, in their layout."""

"""From images to numbers: each image passes through a network once, into a store on disk."""

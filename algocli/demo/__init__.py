"""A challenge made up from a seed: drawn images, responses whose cause is known, the official layout.

chance        random numbers, one stream for each purpose
recipe        what a challenge is made from, and which images each subject sees
palette       colours, and how one is drawn
sketch        a picture before it is painted: outlines, strokes, things
motifs        faces, bodies, animals, words; country, street, room, close up
scene         a place, things and figures put together
drives        everything in an image that a vertex may respond to: contrast and orientations, things
images        scenes painted, every image once
sphere        the mesh of fsaverage
atlas         where each region begins, and how large it is
growth        regions grown over the sphere
visual_field  the part of the view that each vertex sees
cortex        the cortex of a made-up subject
truth         what every vertex responds to
responses     signal and noise
marker        what the folder says of itself
write         all of it, in the official layout
"""

"""What to cite beside this program: the challenge, and the data that it was made from."""

from __future__ import annotations

from dataclasses import dataclass

from algocli import __version__


@dataclass(frozen=True)
class Work:
    """A work to cite, and where it is found."""

    what: str
    text: str


def works() -> tuple[Work, ...]:
    """Return what a paper that shows these results should cite; the program itself in its present version."""
    return (
        Work("The program", f"algocli {__version__}: encoding models of the human visual cortex."),
        Work(
            "The challenge",
            "Gifford, A. T., Lahner, B., Saba-Sadiya, S., Vilas, M. G., Lascelles, A., Oliva, A., Kay, K., Roig, G., "
            "and Cichy, R. M. (2023). The Algonauts Project 2023 Challenge: How the Human Brain Makes Sense of Natural "
            "Scenes. arXiv:2301.03198.",
        ),
        Work(
            "The data",
            "Allen, E. J., St-Yves, G., Wu, Y., Breedlove, J. L., Prince, J. S., Dowdle, L. T., Nau, M., Caron, B., "
            "Pestilli, F., Charest, I., Hutchinson, J. B., Naselaris, T., and Kay, K. (2022). A massive 7T fMRI "
            "dataset to bridge cognitive neuroscience and artificial intelligence. Nature Neuroscience 25, 116-126. "
            "doi:10.1038/s41593-021-00962-x.",
        ),
    )

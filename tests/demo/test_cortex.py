"""The made-up cortex: a mesh that is fsaverage's, and ROIs that are where, as large and as absent as the real ones."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from algocli.dataset.challenge.layout import OFFICIAL_SIZES, ROI_CLASSES, SUBJECTS
from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.demo.atlas import N_REAL
from algocli.demo.cortex import Cortex, lay_out
from algocli.demo.recipe import N_LEAST, N_SMALL
from algocli.demo.sphere import Sphere, fsaverage_sphere

# Of the real data: who has the ROIs that most lack, and who lacks the ROIs that most have.
EMPTY = {
    "mTL-faces": {f"{n}{side}" for n in SUBJECTS for side in "LR"},
    "aTL-faces": {f"{n}{side}" for n in SUBJECTS for side in "LR"},
    "mTL-bodies": {f"{n}{side}" for n in SUBJECTS for side in "LR"} - {"6R", "8R"},
    "mTL-words": {f"{n}{side}" for n in SUBJECTS for side in "LR"} - {"6L", "7R"},
    "FBA-1": {"2L", "2R", "4L", "7L", "7R"},
    "FBA-2": {"1L"},
    "FFA-2": {"1L"},
    "VWFA-2": {"3R", "4R", "8R"},
    "mfs-words": {"1R", "3R"},
}
ALL = [(subject, hemisphere) for subject in SUBJECTS for hemisphere in HEMISPHERES]


def mesh_of(cortex: Cortex) -> Sphere:
    meshes = (fsaverage_sphere(n) for n in (5, 6, 7))
    return next(mesh for mesh in meshes if len(mesh.positions) > cortex.vertices.max())


def n_pieces(cortex: Cortex, inside: NDArray[np.bool_]) -> int:
    """Count the pieces that a set of vertices falls into on the mesh."""
    mesh = mesh_of(cortex)
    member = np.zeros(len(mesh.positions), dtype=bool)
    member[cortex.vertices[inside]] = True
    edges = mesh.edges[member[mesh.edges].all(axis=1)]
    graph = csr_array((np.ones(len(edges)), tuple(edges.T)), shape=(len(member), len(member)))
    return len(np.unique(connected_components(graph, directed=False)[1][member]))


def members(cortex: Cortex, roi: str) -> NDArray[np.bool_]:
    return next(
        cortex.codes[roi_class] == code
        for roi_class, names in ROI_CLASSES.items()
        for code, name in names.items()
        if name == roi
    )


def in_pieces(cortex: Cortex) -> list[str]:
    """Name the ROIs that do not hang together."""
    masks = {name: members(cortex, name) for names in ROI_CLASSES.values() for name in names.values()}
    return [name for name, inside in masks.items() if inside.any() and n_pieces(cortex, inside) != 1]


def test_five_halvings_of_the_icosahedron_are_the_sphere_of_fsaverage5() -> None:
    datasets = pytest.importorskip("nilearn.datasets")
    surface = pytest.importorskip("nilearn.surface")
    ours = fsaverage_sphere(5)
    for side in HEMISPHERES:
        theirs = surface.load_surf_mesh(datasets.fetch_surf_fsaverage("fsaverage5")[f"sphere_{side}"])
        np.testing.assert_allclose(ours.positions, theirs.coordinates / 100, atol=2e-4)
        np.testing.assert_array_equal(ours.faces, theirs.faces)


def test_finer_meshes_keep_the_vertices_of_coarser_ones() -> None:
    coarse, fine = fsaverage_sphere(5), fsaverage_sphere(7)
    assert len(fine.positions) == 163_842
    np.testing.assert_array_equal(fine.positions[:10_242], coarse.positions)
    # Euler: a closed surface without holes.
    assert len(fine.positions) - len(fine.edges) + len(fine.faces) == 2
    np.testing.assert_allclose(np.linalg.norm(fine.positions, axis=1), 1)


@pytest.mark.parametrize(("subject", "hemisphere"), ALL)
def test_absent_rois_are_exactly_those_of_the_real_data(subject: int, hemisphere: Hemisphere) -> None:
    cortex = lay_out(subject, hemisphere, N_SMALL)
    here = f"{subject}{hemisphere[0].upper()}"
    for names in ROI_CLASSES.values():
        for name in names.values():
            assert members(cortex, name).any() != (here in EMPTY.get(name, ())), name


@pytest.mark.parametrize("n_left", [N_LEAST, N_SMALL])
@pytest.mark.parametrize(("subject", "hemisphere"), ALL)
def test_every_roi_hangs_together(subject: int, hemisphere: Hemisphere, n_left: int) -> None:
    assert in_pieces(lay_out(subject, hemisphere, n_left)) == []


@pytest.mark.parametrize(
    ("subject", "hemisphere"), [(2, "right"), (6, "left"), (6, "right"), (8, "left"), (8, "right")]
)
def test_the_real_size_has_exactly_the_official_vertices(subject: int, hemisphere: Hemisphere) -> None:
    cortex = lay_out(subject, hemisphere, N_REAL)
    assert len(cortex.vertices) == OFFICIAL_SIZES[subject].n_vertices[hemisphere]
    assert 10_242 < cortex.vertices.max() < 163_842
    assert (np.diff(cortex.vertices) > 0).all()


def test_real_rois_hang_together_and_have_about_their_real_sizes() -> None:
    # Subject 1, left, of the real challenge.
    real = {"V1v": 710, "V1d": 828, "hV4": 531, "EBA": 2837, "PPA": 1311, "OPA": 1863, "early": 5169, "ventral": 4974}
    cortex = lay_out(1, "left", N_REAL)
    for name, n_real in real.items():
        assert 0.6 < members(cortex, name).sum() / n_real < 1.6, name
    assert in_pieces(cortex) == []
    assert members(lay_out(6, "left", N_REAL), "mTL-words").sum() == 4


def test_sizes_between_small_and_real_have_as_many_vertices_as_asked() -> None:
    cortex = lay_out(7, "left", 5000)
    assert len(cortex.vertices) == 5000
    assert cortex.vertices.max() < 40_962
    assert in_pieces(cortex) == []


def test_the_small_size_lies_within_fsaverage5_and_lacks_what_two_subjects_lack() -> None:
    counts = {(s, h): len(lay_out(s, h, N_SMALL).vertices) for s, h in ALL}
    assert all(lay_out(s, h, N_SMALL).vertices.max() < 10_242 for s, h in ALL)
    assert counts[1, "left"] == N_SMALL == 1188
    assert counts[1, "right"] == 1284
    assert counts[6, "right"] < counts[8, "right"] < counts[1, "right"]


def test_classes_overlap_and_streams_leave_some_vertices_out() -> None:
    cortex = lay_out(5, "right", N_SMALL)
    classes = {name: cortex.codes[name] != 0 for name in ROI_CLASSES}
    assert (classes["floc-bodies"] & classes["floc-faces"]).any()
    assert (classes["prf-visualrois"] & classes["streams"]).any()
    assert 0 < (~classes["streams"]).sum() < 0.1 * len(cortex.vertices)


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
def test_each_hemisphere_sees_the_other_side_and_ventral_areas_the_upper_half(hemisphere: Hemisphere) -> None:
    cortex = lay_out(3, hemisphere, N_SMALL)
    side = 1 if hemisphere == "left" else -1
    assert (side * cortex.fields.right >= -1e-9).all()
    for area in ("V1", "V2", "V3"):
        assert (cortex.fields.up[members(cortex, f"{area}v")] >= -1e-9).all()
        assert (cortex.fields.up[members(cortex, f"{area}d")] <= 1e-9).all()


def test_receptive_fields_widen_from_area_to_area() -> None:
    cortex = lay_out(2, "left", N_SMALL)
    widths = [np.median(cortex.fields.widths[members(cortex, name)]) for name in ("V1v", "V2v", "V3v", "hV4")]
    assert widths == sorted(widths)

"""Geometry of tract variables."""

from pathlib import Path

import numpy as np
import pytest

from sslse.articulation.tract_variables import (
    TRACT_VARIABLES,
    distance_to,
    join_wall,
    pellet_tract_variables,
    tube_tract_variables,
)
from sslse.errors import DataError

FLESH_POINTS = Path(__file__).parents[1] / "fixtures/articulation/flesh_points.npy"
# Drawn by hand round them: pharynx, velum, palate, upper incisor.
MOUTH = np.array(
    [
        *([-3.2, -5.8], [-2.9, -2.8], [-2.5, 0.3], [-1.2, 1.2], [1.0, 1.3]),
        *([2.8, 1.6], [3.6, 1.3], [4.7, 0.1], [5.3, -0.8]),
    ]
)
WALL = np.array([[-3.0, -5.0], [-3.0, 0.0], [-1.0, 1.5], [3.0, 1.0], [5.0, -0.8]])


def pellets(rng, frames=7):
    base = np.array([[6.5, 0.3], [6.3, -1.6], [4.0, -1.0], [1.0, -0.5], [-0.5, -1.0]])
    return base + 0.1 * rng.standard_normal((frames, 5, 2))


def variables(points, wall=WALL, **options):
    return pellet_tract_variables(
        points[:, 0], points[:, 1], points[:, 2], points[:, [4, 3]], wall, **options
    )


def test_the_origin_of_the_coordinates_does_not_matter(rng):
    """VocalTractLab has it in the middle of the mouth, XRMB at the upper incisors."""
    points = pellets(rng)
    for shift in ([3.0, -7.0], -WALL[-1]):
        np.testing.assert_allclose(variables(points + shift, WALL + shift), variables(points))


def test_the_palate_is_at_90_degrees_and_the_pharynx_at_180():
    above, behind = np.array([WALL[-1, 0] - 5.3, 1.3]), np.array([-3.0, WALL[-1, 1] - 1.2])
    for place, degrees in ((above, 90), (behind, 180)):
        # A tongue that touches the wall there; its other end is far from all walls.
        body = np.stack([place, WALL[-1] + [-5.3, -1.2] + 0.1 * (place - above)])[None]
        point = WALL[3][None]
        angle = pellet_tract_variables(point, point, point, body, WALL)[0, 4]
        assert angle == pytest.approx(degrees, abs=3)


def test_a_palate_that_ends_behind_the_incisor(rng):
    """Places count from the incisor itself, where that is known."""
    points = pellets(rng)
    shorter = variables(points, WALL[:-1], incisor=tuple(WALL[-1]))
    np.testing.assert_allclose(shorter[:, [0, 1, 2]], variables(points)[:, [0, 1, 2]])
    np.testing.assert_allclose(shorter[:, 4], variables(points)[:, 4], atol=2)


def test_the_tongue_of_a_synthetic_speaker_is_where_its_vowels_are():
    """VocalTractLab's own frame: /i/ in front of the palate, /u/ under it, /a/ at the pharynx."""
    points = np.load(FLESH_POINTS).astype(float)
    lips, tip, middle, back = points[:, 0], points[:, 2], points[:, 3], points[:, 4]
    values = pellet_tract_variables(lips, lips, tip, np.stack([back, middle], 1), MOUTH)
    angle = dict(zip("itakuaigoi", values[20:220:20, 4], strict=True))  # the last of each
    assert 40 < angle["i"] < 75 < angle["k"] < 105 and 85 < angle["u"] < 110 < angle["o"] < 150
    assert 140 < angle["a"] < 180


def test_scaling_everything_scales_centimetres_and_keeps_degrees(rng):
    points = pellets(rng)
    double = pellet_tract_variables(
        *(2 * points[:, k] for k in range(3)),
        2 * points[:, [4, 3]],
        2 * WALL,
        centre=(-10.6, -2.4),
        softness=0.3,
    )
    expected = variables(points) * [2, 2, 2, 2, 1, 2]
    # The wall is sampled every 0.05 cm in both cases.
    np.testing.assert_allclose(double, expected, atol=5e-2)


def test_each_variable_misses_only_what_it_needs(rng):
    points = pellets(rng, 4)
    points[0, 0], points[1, 2], points[2, 3] = np.nan, np.nan, np.nan
    missing = np.isnan(variables(points))
    expected = [[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1], [0] * 6]
    np.testing.assert_array_equal(missing, np.array(expected, bool))


def test_constrictions_read_zero_where_they_touch():
    point = WALL[3]
    body = np.stack([WALL[1], WALL[2]])[None]
    lips = np.array([[6.0, 0.0]])
    values = pellet_tract_variables(lips, lips, point[None], body, WALL)[0]
    assert values[TRACT_VARIABLES.index("LA")] == 0
    assert values[TRACT_VARIABLES.index("TTCD")] < 0.03
    assert values[TRACT_VARIABLES.index("TBCD")] < 0.03


def test_a_tube_is_narrowest_where_it_is_squeezed():
    length = np.full((1, 40), 0.4)
    area, articulator = np.full((1, 40), 3.0), np.ones((1, 40), np.int32)
    articulator[0, -2:] = 3
    area[0, 10], area[0, -1] = 0.04, 0.25
    values = tube_tract_variables(length, area, articulator, np.array([15.0]))[0]
    assert values[0] == pytest.approx(0.5)  # lips: √0.25
    assert values[1] == pytest.approx(1.0)  # 16 cm of tube beyond an incisor at 15 cm
    assert values[5] == pytest.approx(0.2)  # tongue body: √0.04
    hard_place = 15.0 - (10 * 0.4 + 0.2)
    assert abs(values[4] - hard_place) < 1.5  # the soft minimum leans to the rest of the tube


def test_walls_join_in_any_direction_and_end_at_the_incisor():
    pharynx, palate = WALL[:2], WALL[2:]
    for flip in (False, True):
        wall = join_wall(pharynx[::-1] if flip else pharynx, palate[::-1] if flip else palate)
        np.testing.assert_array_equal(wall, WALL)
    with pytest.raises(DataError, match="palate has 1 points"):
        join_wall(pharynx, palate[:1])


def test_distance_is_the_nearest():
    line = np.array([[0.0, 0.0], [1.0, 0.0]])
    assert distance_to(np.array([[1.0, 2.0], [-3.0, 4.0]]), line).tolist() == [2.0, 5.0]

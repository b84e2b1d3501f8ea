"""Geometry of tract variables."""

import numpy as np
import pytest

from sslse.data.tract_variables import (
    TRACT_VARIABLES,
    distance_to,
    join_wall,
    pellet_tract_variables,
    tube_tract_variables,
)
from sslse.errors import DataError

WALL = np.array([[-3.0, -5.0], [-3.0, 0.0], [-1.0, 1.5], [3.0, 1.0], [5.0, -0.8]])


def pellets(rng, frames=7):
    base = np.array([[6.5, 0.3], [6.3, -1.6], [4.0, -1.0], [1.0, -0.5], [-0.5, -1.0]])
    return base + 0.1 * rng.standard_normal((frames, 5, 2))


def variables(points, wall=WALL, centre=(0.0, -2.0)):
    return pellet_tract_variables(
        points[:, 0], points[:, 1], points[:, 2], points[:, [4, 3]], wall, centre
    )


def test_moving_everything_changes_nothing(rng):
    points, shift = pellets(rng), np.array([3.0, -7.0])
    moved = variables(points + shift, WALL + shift, tuple(shift + [0.0, -2.0]))
    np.testing.assert_allclose(moved, variables(points), atol=1e-9)


def test_scaling_everything_scales_centimetres_and_keeps_degrees(rng):
    points = pellets(rng)
    double = pellet_tract_variables(
        *(2 * points[:, k] for k in range(3)),
        2 * points[:, [4, 3]],
        2 * WALL,
        (0.0, -4.0),
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

"""Tract variables: where and how narrow the constrictions of the vocal tract are.

Two families. *Pellet* variables come from flesh points on lips and tongue and from a trace of the
fixed walls; one function serves X-ray microbeam (XRMB), EMA (HPRC) and VocalTractLab. *Tube*
variables come from the area function of an articulatory synthesiser. Coordinates are in cm, x
forward, y up; missing points are NaN and make the variables that need them NaN.
"""

from __future__ import annotations

import numpy as np

from sslse.errors import DataError

TRACT_VARIABLES = ("LA", "LP", "TTCL", "TTCD", "TBCL", "TBCD")
SOURCE_FEATURES = ("PER", "APER", "F0")
VELUM = "VEL"

TUBE_SOFTNESS = 0.35  # of the soft minimum over the sections of a tube, cm
# Apex of the angle TBCL, cm from the upper incisor: under the palate, in front of the pharynx.
BODY_CENTRE = (-5.3, -1.2)
BODY_POINTS = 9  # points on the tongue body between its pellets
LIPS, TONGUE = 3, 1  # articulators of a tube section in VocalTractLab: 1 tongue, 3 lower lip


def pellet_tract_variables(
    upper_lip: np.ndarray,
    lower_lip: np.ndarray,
    tongue_tip: np.ndarray,
    tongue_body: np.ndarray,
    wall: np.ndarray,
    incisor: tuple[float, float] | None = None,
    centre: tuple[float, float] = BODY_CENTRE,
    softness: float = 0.15,
) -> np.ndarray:
    """Return LA, LP, TTCL, TTCD (cm), TBCL (degrees) and TBCD (cm) of flesh points.

    LA is the distance of the lip pellets and LP their mean x before the incisor; TTCD and TBCD are
    the distances of tip and body to the wall; TTCL is how far the tip is behind the incisor; TBCL
    is the polar angle, about ``centre``, of the body's narrowest place (90: palate, 180: pharynx).
    That place is a soft minimum, so that it glides where a hard one jumps.

    Args:
        upper_lip: (frames, 2).
        lower_lip: (frames, 2).
        tongue_tip: (frames, 2).
        tongue_body: pellets from back to front, (frames, pellets, 2).
        wall: rear wall of the pharynx, velum and palate, from back to front (points, 2).
        incisor: tip of the upper incisors, from which all places are counted, so that the origin
            of the coordinates does not matter; default: the end of the wall.
        centre: of the polar angle of TBCL, cm from the incisor.
        softness: distance that counts as much as the minimum does, times 1/e, cm.

    Shape:
        -> (frames, 6), columns as ``TRACT_VARIABLES``

    Reference:
        Browman and Goldstein 1992, Phonetica 49 (tract variables); Mitra et al. 2010, IEEE J. Sel.
        Top. Signal Process. 4(6) (from pellets; the exact formulas of that line of work are not
        published, these are ours).

    Example:
        >>> wall = np.array([[-2.0, -4.0], [-2.0, 0.0], [0.0, 1.0], [4.0, 0.0]])
        >>> point = lambda x, y: np.array([[x, y]])
        >>> body = np.array([[[-1.0, -1.0], [1.0, 0.0]]])
        >>> tv = pellet_tract_variables(point(5, 1), point(5, -1), point(3, 0), body, wall)
        >>> [round(float(value), 2) for value in tv[0, :4]]
        [2.0, 1.0, 1.0, 0.24]
    """
    incisor_x, incisor_y = wall[-1] if incisor is None else incisor
    line = _dense(wall)
    body = _interpolate(tongue_body, BODY_POINTS)  # (frames, 9, 2)
    distances = np.stack(
        [distance_to(body[:, k], line) for k in range(BODY_POINTS)], 1
    )  # (frames, 9)
    nearest = distances.min(1)
    weights = np.exp(-(distances - nearest[:, None]) / softness)
    weights /= weights.sum(1, keepdims=True)
    place = (weights[..., None] * body).sum(1)  # (frames, 2)
    x, y = place[:, 0] - incisor_x - centre[0], place[:, 1] - incisor_y - centre[1]
    angle = np.degrees(np.arctan2(y, x)) % 360
    return np.stack(
        [
            np.hypot(*(upper_lip - lower_lip).T),
            (upper_lip[:, 0] + lower_lip[:, 0]) / 2 - incisor_x,
            incisor_x - tongue_tip[:, 0],
            distance_to(tongue_tip, line),
            angle,
            nearest,
        ],
        1,
    )


def tube_tract_variables(
    length: np.ndarray,
    area: np.ndarray,
    articulator: np.ndarray,
    incisor: np.ndarray,
) -> np.ndarray:
    """Return the six variables of area functions; CL are cm behind the incisor, CD √area, cm.

    Args:
        length: of the sections from the glottis to the lips, cm (frames, sections).
        area: cm² (frames, sections).
        articulator: whose section it is, VocalTractLab's numbers (frames, sections).
        incisor: cm from the glottis (frames,).

    Shape:
        -> (frames, 6), columns as ``TRACT_VARIABLES``
    """
    behind = incisor[:, None] - (np.cumsum(length, 1) - length / 2)
    width = np.sqrt(np.maximum(area, 1e-4))

    def constriction(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        limited = np.where(chosen, width, 1e3)
        narrowest = limited.min(1)
        weights = np.where(
            chosen, np.exp(-(limited - narrowest[:, None]) / TUBE_SOFTNESS) * length, 0
        )
        return (weights * behind).sum(1) / weights.sum(1), narrowest

    lips = constriction((articulator == LIPS) | (behind < -0.05))[1]
    tip = constriction((behind > -0.3) & (behind < 2.2) & (articulator != LIPS))
    body = constriction((behind >= 2.2) & (articulator == TONGUE))
    return np.stack([lips, length.sum(1) - incisor, *tip, *body], 1)


def join_wall(pharynx: np.ndarray, palate: np.ndarray) -> np.ndarray:
    """Return one wall, from low in the pharynx over velum and palate to the front.

    Args:
        pharynx: rear wall, in either direction, cm (points, 2).
        palate: in either direction, cm (points, 2).

    Raises:
        DataError: a trace has fewer than two points.

    Example:
        >>> palate = np.array([[4.0, 0.0], [0.0, 1.0]])
        >>> join_wall(np.array([[-2.0, 0.0], [-2.0, -4.0]]), palate)[[0, -1]].tolist()
        [[-2.0, -4.0], [4.0, 0.0]]
    """
    for name, trace in (("pharynx", pharynx), ("palate", palate)):
        if trace.ndim != 2 or len(trace) < 2:
            raise DataError(
                f"the trace of the {name} has {len(trace)} points; a wall needs two or more"
            )
    return np.concatenate(
        [pharynx[np.argsort(pharynx[:, 1], kind="stable")], palate[np.argsort(palate[:, 0])]]
    )


def distance_to(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Return the distance of each of (frames, 2) points to the nearest of (n, 2) points."""
    return np.hypot(
        points[:, None, 0] - line[None, :, 0], points[:, None, 1] - line[None, :, 1]
    ).min(1)


def _dense(line: np.ndarray, step: float = 0.05) -> np.ndarray:
    """Return points every ``step`` cm along a polyline, its last point included."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    places = np.append(np.arange(0, along[-1], step), along[-1])
    return np.stack([np.interp(places, along, line[:, axis]) for axis in (0, 1)], 1)


def _interpolate(pellets: np.ndarray, count: int) -> np.ndarray:
    """Return ``count`` points on the straight lines between pellets, (frames, count, 2)."""
    place = np.linspace(0, pellets.shape[1] - 1, count)
    low = np.minimum(place.astype(int), pellets.shape[1] - 2)
    share = (place - low)[:, None]
    return pellets[:, low] * (1 - share) + pellets[:, low + 1] * share

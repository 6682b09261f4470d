"""Errors of a difference that hold with few clusters: CR2 with Satterthwaite's degrees of freedom.
Pure.

Residuals of a fit are smaller than what they stand for, most where a cluster pulls the fit to
itself; and a variance that rests on few clusters, or on few treated ones, is itself uncertain. CR1
knows neither. CR2 multiplies the residuals of each cluster by (1 − H_gg)^−½, H the projection of
the fit, which makes the variance unbiased where cells vary alike and independently; the degrees of
freedom are those of a χ² with its first two moments there. Bell & McCaffrey (2002), Survey
Methodology 28:169–181; Imbens & Kolesár (2016), Rev. Econ. Stat. 98:701–712; with constants taken
off, as here, and with an inverse where a cluster alone decides something: Pustejovsky & Tipton
(2018), J. Bus. Econ. Stat. 36:672–683, theorem 1.
"""

from dataclasses import dataclass

import numpy as np

from bot.insights.arrays import Floats, Ints

# A direction in which a cluster alone decides the fit: nothing is left of it to multiply.
DECIDED = 1e-8


@dataclass(frozen=True, slots=True)
class Taken:
    """What a fit takes off, as the parts of its projection: the mean of each stratum (the stratum
    of each cell, numbered from 0, and the sizes of strata), and orthonormal columns beside.
    """

    stratum: Ints
    sizes: Ints
    beside: Floats


def adjusted(lots: Floats, cluster: Ints, taken: Taken) -> Floats | None:
    """`lots`, each cluster's part multiplied by (1 − H_gg)^−½; clusters are numbered from 0.

    None where one cluster alone decides a part of the difference, so that no error can be told.
    """
    order = np.argsort(cluster, kind="stable")
    sizes = np.bincount(cluster)
    starts = np.cumsum(sizes) - sizes
    found = np.empty_like(lots)
    for size in np.unique(sizes):
        # Clusters of one size at once: cells[cluster, place].
        cells = order[starts[sizes == size][:, None] + np.arange(size)]
        stratum, beside = taken.stratum[cells], taken.beside[cells]
        same = stratum[:, :, None] == stratum[:, None, :]
        projected = same / taken.sizes[stratum][:, :, None] + beside @ beside.transpose(0, 2, 1)
        values, directions = np.linalg.eigh(np.eye(size) - projected)
        kept = values > DECIDED
        roots = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
        along = np.einsum("gij,gi->gj", directions, lots[cells])
        if np.abs(along[~kept]).max(initial=0) > DECIDED * np.abs(lots).max():
            return None
        found[cells] = np.einsum("gij,gj->gi", directions, roots * along)
    return found


def freedom(weighed: Floats, cluster: Ints, taken: Taken) -> float:
    """Degrees of freedom of the variance whose scores weigh the residuals so.

    (tr M)² / tr M², where M_gh = w_g'(1 − H)_gh w_h is a diagonal less B B', B having a row for
    each cluster and a column for each thing that the fit takes off.
    """
    clusters, strata = int(cluster.max()) + 1, len(taken.sizes)
    own = np.bincount(cluster, weights=weighed * weighed)
    place = cluster * strata + taken.stratum
    sums = np.bincount(place, weights=weighed, minlength=clusters * strata)
    columns = [np.bincount(cluster, weights=weighed * each) for each in taken.beside.T]
    shared = np.hstack(
        [sums.reshape(clusters, strata) / np.sqrt(taken.sizes), np.stack(columns, axis=1)]
    )
    less = np.square(shared).sum(axis=1)
    trace = float((own - less).sum())
    square = float(own @ own - 2 * (own @ less) + np.square(shared.T @ shared).sum())
    return trace * trace / square

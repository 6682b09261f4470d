"""The shapes of what `qunyun bench all` measures: a run, a figure of it, a table of runs."""

from dataclasses import dataclass

REPEATS = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One bench with its sizes: the words after `qunyun bench`.

    `quick` are sizes that only show that it works. `apart` takes so long that it is only measured
    where it is asked for. With `corpus` it reads files that are not in the project.
    """

    name: str
    sizes: tuple[str, ...]
    quick: tuple[str, ...]
    repeats: int = REPEATS
    apart: bool = False
    corpus: bool = False

    def arguments(self, *, quick: bool) -> tuple[str, ...]:
        """The words after `qunyun bench`, the files of the corpus left out."""
        return self.quick if quick else self.sizes


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: `path` leads to it in the object; of `*` the largest is told.

    `asked` has one limit for every column, or one for all; none where nothing was asked.
    """

    label: str
    path: str
    asked: tuple[float, ...] = ()
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One table: a column for each run, a row for each figure."""

    title: str
    text: str
    runs: tuple[tuple[str, Run], ...]
    figures: tuple[Figure, ...]

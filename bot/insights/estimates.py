"""An estimate with its error, and the shares that are estimated: organic, promo, base."""

from dataclasses import dataclass

# The 97.5 % quantile of Student's t with 29 degrees of freedom: the jackknife has 30 folds.
WIDE = 2.045


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its standard error, neither clipped."""

    value: float
    error: float

    @property
    def low(self) -> float:
        """The lower end of the 95 % interval."""
        return self.value - WIDE * self.error

    @property
    def high(self) -> float:
        """The upper end of the 95 % interval."""
        return self.value + WIDE * self.error


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the paid lines as estimated on `lines` of them, in `rooms` rooms. Never clipped.

    `hit` and `chance` are the shares of the `clean` lines with a mention before and after. `hump`:
    how many standard errors of talk some hours before no influence explains (0: not looked at).
    """

    organic: Estimate
    promo: Estimate
    base: Estimate
    hit: float
    chance: float
    lines: int
    clean: int
    rooms: int
    hump: float = 0.0

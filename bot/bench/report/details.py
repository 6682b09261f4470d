"""Tables that only one bench has: the slowest pages, the errors of each simulated world."""

from collections.abc import Iterator, Mapping

PAGES = 10
ESTIMATES = (("by lags", "waves"), ("mirror", "mirror"), ("last touch", "last_touch"))


def pages(title: str, measured: Mapping[str, object]) -> Iterator[str]:
    """The slowest pages of one object of `bench console`; nothing for another."""
    found = _parts(measured, "pages")
    slowest = sorted(found.items(), key=lambda page: -_number(page[1], "p95_ms"))[:PAGES]
    if not slowest:
        return
    yield from ("", f"The {PAGES} slowest pages on {title}:", "")
    yield from ("| page | p50, ms | p95, ms | statements | kB |", "|---|--:|--:|--:|--:|")
    for path, one in slowest:
        numbers = [_number(one, name) for name in ("p50_ms", "p95_ms", "queries")]
        size = _number(one, "bytes") / 1000
        yield f"| `{path}` | {' | '.join(f'{each:g}' for each in numbers)} | {size:.1f} |"


def worlds(title: str, measured: Mapping[str, object]) -> Iterator[str]:
    """Bias and error in each world of one object of `bench attribution`; nothing for another."""
    found = _parts(measured, "worlds")
    if not found:
        return
    yield from ("", f"{title}, bias / mean absolute error in points (coverage):", "")
    yield f"| world | true share | {' | '.join(label for label, _ in ESTIMATES)} |"
    yield "|---|--:|" + "--:|" * len(ESTIMATES)
    for name, one in found.items():
        true = _number(_mapping(one, "true"), "organic")
        cells = [_error(_mapping(one, key)) for _, key in ESTIMATES]
        yield f"| {name} | {true:g} | {' | '.join(cells)} |"


def _error(one: Mapping[str, object]) -> str:
    told = f"{_number(one, 'bias'):+.1f} / {_number(one, 'mae'):.1f}"
    return told if one.get("coverage") is None else f"{told} ({_number(one, 'coverage'):.0%})"


def _parts(measured: Mapping[str, object], name: str) -> dict[str, Mapping[str, object]]:
    found = measured.get(name)
    if not isinstance(found, dict):
        return {}
    return {str(key): one for key, one in found.items() if isinstance(one, dict)}


def _mapping(one: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = one.get(name)
    return found if isinstance(found, dict) else {}


def _number(one: Mapping[str, object], name: str) -> float:
    found = one.get(name)
    return float(found) if isinstance(found, int | float) else float("nan")

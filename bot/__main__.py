"""The way in: `qunyun`, or `python -m bot`."""

import sys

import typer

from bot import starting


def main() -> None:
    """Run a command. `bench` measures memory, so it starts without what other commands need: the
    console, workbooks and calendars take 60 MB.
    """
    if sys.argv[1:2] == ["bench"]:
        from bot.commands import bench  # noqa: PLC0415

        alone = typer.Typer(no_args_is_help=True, add_completion=False)
        alone.add_typer(bench.app, name="bench")
        starting.run(alone)
        return
    from bot import cli  # noqa: PLC0415

    cli.main()


if __name__ == "__main__":
    main()

"""Runs a command line, and says expected errors in a line or two."""

import sys

import typer
from sqlalchemy.exc import OperationalError

from bot.errors import InvalidInput, QunyunError


def run(app: typer.Typer) -> None:
    """Run the command that was asked for. Expected errors go to standard error in a line or two,
    without a traceback.
    """
    try:
        app()
    except InvalidInput as error:
        _fail(str(error), 2)
    except QunyunError as error:
        _fail(str(error), 1)
    except OperationalError as error:
        _fail(f"数据库用不了:{error.orig};检查 QUNYUN_DATABASE_URL 和磁盘", 1)
    except (FileNotFoundError, NotADirectoryError, PermissionError, IsADirectoryError) as error:
        _fail(f"{error.filename}: {error.strerror};检查路径和权限", 2)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        sys.exit(0)


def _fail(text: str, code: int) -> None:
    typer.echo(text, err=True)
    sys.exit(code)

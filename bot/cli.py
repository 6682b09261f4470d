"""`qunyun …`: the command line. Thin: each command is one line of work somewhere below."""

import sys

import typer
from sqlalchemy.exc import OperationalError

from bot.commands import (
    attribute,
    bench,
    calendar,
    data,
    deliveries,
    demo,
    desk,
    digest,
    doctor,
    export,
    label,
    link,
    log,
    moving,
    operator,
    people,
    privacy,
    run,
    segments,
    shops,
    target,
    topic,
)
from bot.errors import InvalidInput, QunyunError

app = typer.Typer(
    help="群运:看得见、算得清、不重发的社群运营机器人。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    demo.demo,
    run.run,
    doctor.doctor,
    log.migrate,
    log.replay,
    log.rebuild,
    moving.move,
    moving.backup,
    moving.restore,
    export.export,
    digest.digest,
    topic.topics,
    label.label,
    label.quality,
    deliveries.pause,
    deliveries.resume,
):
    app.command()(command)
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(bench.app, name="bench")
app.add_typer(calendar.app, name="calendar")
app.add_typer(operator.app, name="operator")
app.add_typer(desk.questions, name="questions")
app.add_typer(desk.cases, name="complaints")
app.add_typer(people.app, name="people")
app.add_typer(privacy.app, name="privacy")
app.add_typer(segments.app, name="segments")
app.add_typer(link.app, name="links")
app.add_typer(shops.app, name="shops")
app.add_typer(target.app, name="target")
data.register(app)
attribute.register(app)


def main() -> None:
    """Run a command. Expected errors go to standard error in a line or two, without a traceback."""
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

"""`qunyun …`: the command line. Thin: each command is one line of work somewhere below."""

import typer

from bot import starting
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
    spooled,
    target,
    topic,
)

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
app.add_typer(spooled.app, name="spool")
app.add_typer(target.app, name="target")
data.register(app)
attribute.register(app)


def main() -> None:
    """Run a command."""
    starting.run(app)

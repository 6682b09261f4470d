"""`qunyun calendar …`: the content calendar."""

import typer

from bot.commands import calendar_days, calendar_files, calendar_series

app = typer.Typer(
    no_args_is_help=True, help="内容日历:导入、预览、试算、批准、导出。 The content calendar."
)
for part in (calendar_files, calendar_series, calendar_days):
    part.register(app)

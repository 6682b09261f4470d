"""Show the digests of a demo in a browser: one folder, read only, on this machine alone."""

import functools
import html
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bot.errors import Fault, InvalidInput

HOST = "127.0.0.1"

_PAGE = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>群运演示 · 周报</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.7 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto }}
ul {{ columns: 2; padding-left: 1.2rem }} small {{ color: #666 }}
</style>
<h1>群运演示 · 周报</h1>
<p><small>群、成员、商品、聊天与订单都是程序模拟的，没有真实的人。</small></p>
{weeks}
</html>
"""


def write_index(folder: Path, titles: dict[str, str]) -> Path:
    """A page that links every digest in `folder`; `titles` are their names by relative path."""
    weeks: dict[str, list[str]] = {}
    for path, title in titles.items():
        week = path.partition("/")[0]
        link = f'<li><a href="{html.escape(path)}">{html.escape(title)}</a></li>'
        weeks.setdefault(week, []).append(link)
    parts = [
        f"<h2>{html.escape(week)}</h2><ul>{''.join(links)}</ul>" for week, links in weeks.items()
    ]
    index = folder / "index.html"
    index.write_text(_PAGE.format(weeks="\n".join(parts)), encoding="utf-8")
    return index


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of one folder, bound and not yet serving; port 0 takes a free one.

    Raises InvalidInput where the port is taken.
    """
    handler = functools.partial(_Quiet, directory=str(folder))
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        problem = f"端口 {port} 用不了（{error.strerror}）"
        raise InvalidInput(
            Fault("--port", 0, "", problem, "换一个端口，或用 --no-serve")
        ) from error


class _Quiet(SimpleHTTPRequestHandler):
    """Reads files and logs nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: requests are of no interest."""

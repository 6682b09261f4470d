"""Settings, from the environment or `.env`, prefix `QUNYUN_`. `.env.example` explains each."""

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import Fault, InvalidInput

LogFormat = Literal["text", "json"]
PARTS = ("gateways", "ingest", "planner", "deliveries", "digests", "console")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Room-local hours in which nothing is posted, `[since, until)`; may pass midnight."""

    since: dt.time
    until: dt.time

    def cover(self, at: dt.time) -> bool:
        """Whether a local wall-clock time lies inside."""
        if self.since <= self.until:
            return self.since <= at < self.until
        return at >= self.since or at < self.until


def _words(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(re.split(r"[\s,]+", value.strip())) if value else ()


def _quiet_hours(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    since, _, until = value.partition("-")
    try:
        return QuietHours(*(dt.time.fromisoformat(time.strip()) for time in (since, until)))
    except ValueError as error:
        raise ValueError("要写成两个时刻,例如 22:30-08:00;不要静默时段就留空") from error


def _span(value: object) -> object:
    if not isinstance(value, str):
        return value
    low, _, high = value.partition("-")
    span = float(low), float(high or low)
    if not 0 <= span[0] <= span[1]:
        raise ValueError("要写成从小到大的两个数,例如 3-5")
    return span


def _share(value: object) -> object:
    if value in ("", None):
        return None
    share = float(str(value))
    if not 0 <= share <= 1:
        raise ValueError("要写 0 到 1 之间的小数,例如 0.3;不限就留空")
    return share


def _origins(value: object) -> object:
    origins = _words(value)
    if isinstance(origins, tuple):
        for each in origins:
            if not re.fullmatch(r"https?://[^/\s?#@]+/?", str(each)):
                raise ValueError("每一项要写成来源,例如 https://hooks.example.com,不带路径")
    return origins


def _public(value: object) -> object:
    if isinstance(value, str) and value and not re.fullmatch(r"https?://[^\s?#@]+", value):
        raise ValueError("要写成 https:// 开头的网址,例如 https://q.example.com,不带 ? 和 #")
    return value


def _stream(value: object) -> object:
    if value and not re.match(r"(nats|tls)://[^/\s]+", str(value)):
        raise ValueError("要写 NATS 的地址,例如 nats://127.0.0.1:4222;不用消息流就留空")
    return value


def _time(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return dt.time.fromisoformat(value.strip())
    except ValueError as error:
        raise ValueError("要写钟点,例如 09:30") from error


def _zone(value: object) -> object:
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("要写 IANA 时区,例如 Asia/Shanghai") from error
    return value


class Settings(BaseSettings):
    """What an installation decides. Durations are seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="QUNYUN_", env_file=".env", extra="ignore", frozen=True
    )

    home: Path = Path("var")
    database_url: str = ""
    timezone: Annotated[str, BeforeValidator(_zone)] = "Asia/Shanghai"
    gateways: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = ()
    standby_gateways: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = ()
    parts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = PARTS
    quiet_hours: Annotated[QuietHours | None, NoDecode, BeforeValidator(_quiet_hours)] = QuietHours(
        dt.time(22, 30), dt.time(8)
    )
    random_gap_seconds: Annotated[tuple[float, float], NoDecode, BeforeValidator(_span)] = (3, 5)
    room_gap_seconds: float = Field(default=1, ge=0)
    posts_per_minute: int = Field(default=40, ge=1)
    posts_per_day: int = Field(default=2000, ge=1)
    posts_per_room_day: int = Field(default=10, ge=1)
    warmup_days: int = Field(default=0, ge=0)
    room_post_gap_minutes: int = Field(default=0, ge=0)
    promo_share: Annotated[float | None, BeforeValidator(_share)] = None
    replies_per_room_hour: int = Field(default=20, ge=0)
    alert_rooms: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = ()
    digest_rooms: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = ()
    digest_at: Annotated[dt.time, BeforeValidator(_time)] = dt.time(9, 30)
    digest_late_hours: float = Field(default=34, gt=0, le=144)
    digest_approval: bool = False
    four_eyes_rooms: int = Field(default=500, ge=0)
    stream_url: Annotated[str, BeforeValidator(_stream)] = Field(default="", repr=False)
    spool_events: int = Field(default=1_000_000, ge=10_000)
    log_format: LogFormat = "text"
    send_timeout_seconds: float = Field(default=15, gt=0)
    message_retention_days: int = Field(default=90, ge=7)
    console_host: str = "127.0.0.1"
    console_port: int = Field(default=8080, ge=0, le=65535)
    console_tls: bool = False
    console_without_tls: bool = False
    console_url: Annotated[str, BeforeValidator(_public)] = ""
    links_url: Annotated[str, BeforeValidator(_public)] = ""
    console_upload_mb: int = Field(default=20, ge=1)
    shops: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = Field(
        default=(), repr=False
    )
    webhook_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()

    @property
    def database(self) -> str:
        """The database URL: as set, or SQLite in the home folder."""
        return self.database_url or f"sqlite:///{self.home / 'qunyun.db'}"

    @property
    def attachments(self) -> Path:
        """Where the pictures of posts lie."""
        return self.home / "attachments"

    @property
    def zone(self) -> ZoneInfo:
        """The installation's zone: that of every room which names none."""
        return ZoneInfo(self.timezone)


def load(**overrides: object) -> Settings:
    """Settings as the environment gives them. Raises InvalidInput naming the variable."""
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        raise InvalidInput(
            *(
                Fault(
                    "设置",
                    0,
                    "QUNYUN_" + "_".join(str(part) for part in problem["loc"]).upper(),
                    problem["msg"].removeprefix("Value error, "),
                    "说明见 .env.example",
                )
                for problem in error.errors()
            )
        ) from error
    unknown = set(settings.parts) - set(PARTS)
    if unknown:
        raise InvalidInput(
            Fault(
                "设置",
                0,
                "QUNYUN_PARTS",
                f"不认识 {sorted(unknown)[0]}",
                f"从 {','.join(PARTS)} 里选",
            )
        )
    return settings

"""Every table, one noun per file. Importing this package makes the whole schema known."""

from bot.models.account import Account
from bot.models.attribution import (
    Attribution,
    AttributionEvidence,
    AttributionReach,
    Calibration,
    Grade,
    Label,
    LateTalk,
    Restatement,
)
from bot.models.audit import Audit
from bot.models.campaign import Campaign
from bot.models.complaint import Complaint, ComplaintOutcome, ComplaintState
from bot.models.contact import Contact
from bot.models.daily_count import DailyCount
from bot.models.day_read import DayRead
from bot.models.delivery import Delivery, DeliveryKind, DeliveryState
from bot.models.digest import Digest, DigestScope, DigestState
from bot.models.experiment import Assignment, Experiment, ExperimentKind, ExperimentState
from bot.models.faq import Faq
from bot.models.feed import CalendarFeed
from bot.models.forbidden_word import ForbiddenWord
from bot.models.forgotten_contact import ForgottenContact
from bot.models.goal import Goal
from bot.models.heartbeat import Heartbeat
from bot.models.mark import DrawnMessage, Mark, MarkDraw
from bot.models.membership import SINCE_EVER, Membership, Role
from bot.models.mention import Mention, Touch
from bot.models.message import Message, MessageIdentity, MessageVersion, Recall, Redacted
from bot.models.occurrence import Occurrence
from bot.models.open_question import OpenQuestion, QuestionState
from bot.models.operator import (
    ApiToken,
    LoginFailure,
    Operator,
    OperatorLink,
    OperatorRole,
    OperatorSession,
)
from bot.models.opt_out import OptOut
from bot.models.overheard import Overheard
from bot.models.own_word import OwnWord, WordKind
from bot.models.pause import Pause, PauseScope
from bot.models.person import (
    Identity,
    IdentityAcceptance,
    IdentityCut,
    IdentityEdge,
    IdentityKind,
    Person,
    TypedNumber,
)
from bot.models.picked_question import PickedQuestion
from bot.models.process_vital import ProcessVital
from bot.models.product import Product, ProductAlias
from bot.models.roll_up import AudienceWeek, EngagementWeek, MemberWeek, Rolled, RoomDay
from bot.models.room import AccountRoom, Room, RoomTag
from bot.models.room_log import RoomLog
from bot.models.room_week import RoomWeek
from bot.models.sealed_day import DroppedDay, LateEvent, LateKind, SealedDay, SealedFor
from bot.models.segment import Arm, Dimension, Invitation, NeedMention, Profile, ProfileTag
from bot.models.series import HolidayPolicy, Series, SeriesKind, SeriesState, SeriesStep
from bot.models.shop_event import EventState, ShopCursor, ShopEvent
from bot.models.shop_order import DirtyLine, OrderEvent, OrderLine, OrderStatus
from bot.models.short_link import Click, ClickHour, ClickKind, ShortLink
from bot.models.signal import INEFFECTIVE, Signal, SignalKind
from bot.models.special_day import DayKind, SpecialDay
from bot.models.topic import Topic, TopicKind
from bot.models.webhook import CallState, Webhook, WebhookCall

__all__ = [
    "INEFFECTIVE",
    "SINCE_EVER",
    "Account",
    "AccountRoom",
    "ApiToken",
    "Arm",
    "Assignment",
    "Attribution",
    "AttributionEvidence",
    "AttributionReach",
    "AudienceWeek",
    "Audit",
    "CalendarFeed",
    "Calibration",
    "CallState",
    "Campaign",
    "Click",
    "ClickHour",
    "ClickKind",
    "Complaint",
    "ComplaintOutcome",
    "ComplaintState",
    "Contact",
    "DailyCount",
    "DayKind",
    "DayRead",
    "Delivery",
    "DeliveryKind",
    "DeliveryState",
    "Digest",
    "DigestScope",
    "DigestState",
    "Dimension",
    "DirtyLine",
    "DrawnMessage",
    "DroppedDay",
    "EngagementWeek",
    "EventState",
    "Experiment",
    "ExperimentKind",
    "ExperimentState",
    "Faq",
    "ForbiddenWord",
    "ForgottenContact",
    "Goal",
    "Grade",
    "Heartbeat",
    "HolidayPolicy",
    "Identity",
    "IdentityAcceptance",
    "IdentityCut",
    "IdentityEdge",
    "IdentityKind",
    "Invitation",
    "Label",
    "LateEvent",
    "LateKind",
    "LateTalk",
    "LoginFailure",
    "Mark",
    "MarkDraw",
    "MemberWeek",
    "Membership",
    "Mention",
    "Message",
    "MessageIdentity",
    "MessageVersion",
    "NeedMention",
    "Occurrence",
    "OpenQuestion",
    "Operator",
    "OperatorLink",
    "OperatorRole",
    "OperatorSession",
    "OptOut",
    "OrderEvent",
    "OrderLine",
    "OrderStatus",
    "Overheard",
    "OwnWord",
    "Pause",
    "PauseScope",
    "Person",
    "PickedQuestion",
    "ProcessVital",
    "Product",
    "ProductAlias",
    "Profile",
    "ProfileTag",
    "QuestionState",
    "Recall",
    "Redacted",
    "Restatement",
    "Role",
    "Rolled",
    "Room",
    "RoomDay",
    "RoomLog",
    "RoomTag",
    "RoomWeek",
    "SealedDay",
    "SealedFor",
    "Series",
    "SeriesKind",
    "SeriesState",
    "SeriesStep",
    "ShopCursor",
    "ShopEvent",
    "ShortLink",
    "Signal",
    "SignalKind",
    "SpecialDay",
    "Topic",
    "TopicKind",
    "Touch",
    "TypedNumber",
    "Webhook",
    "WebhookCall",
    "WordKind",
]

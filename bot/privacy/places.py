"""Where something of a person can stand, table by table.

`QUOTING` columns hold what others wrote or what was made from messages: traces are taken out of
them. ERASED rows are about the person and go, by the column that names the contact; KEPT ones stay
as figures of somebody nameless. A test holds that every column of text and every column that
names a contact or a person is listed here or in SAFE.
"""

from collections.abc import Mapping

from sqlmodel import SQLModel

from bot import models

QUOTING: Mapping[type[SQLModel], tuple[str, ...]] = {
    models.Audit: ("object", "before", "after"),
    models.Complaint: ("note",),
    models.Delivery: ("text", "mentions", "card", "reason"),
    models.Digest: ("figures", "comment"),
    models.Experiment: ("reason",),
    models.Faq: ("question", "answer", "alternatives"),
    models.IdentityAcceptance: ("members", "reason"),
    models.IdentityCut: ("left_value", "right_value", "reason"),
    models.MessageVersion: ("content",),
    models.OpenQuestion: ("reason", "draft"),
    models.OrderEvent: ("content",),
    models.OrderLine: ("buyer", "phone", "unionid"),
    models.Overheard: ("said",),
    models.PickedQuestion: ("text",),
    models.ProfileTag: ("why",),
    # Its body goes as a whole (`erasing.drop_bodies`).
    models.ShopEvent: ("contents",),
    models.ShortLink: ("note",),
    models.Topic: ("text",),
    models.WebhookCall: ("data", "answer"),
}
ERASED: Mapping[type[SQLModel], str] = {
    models.Invitation: "contact_id",
    models.NeedMention: "contact_id",
    models.Profile: "contact_id",
}
KEPT = frozenset(
    {
        # Figures: who it was is in no table any more.
        models.DailyCount, models.Signal, models.Mention, models.MemberWeek, models.Membership,
        models.OpenQuestion, models.Complaint, models.Message, models.OrderLine, models.ShortLink,
        # Ours: accounts, and operators with their contact.
        models.Account, models.Operator,
        # That somebody wants to be nobody; their contact is no longer named (`erasing.rename`).
        models.OptOut,
    }
)  # fmt: skip
# Words of ours: settings, operators' names, keys, hashes, figures, what shops call their things.
SAFE: Mapping[type[SQLModel], str] = {
    models.Account: "name gateway posting capabilities state_reason lease_owner",
    models.ApiToken: "name hash scopes",
    models.Assignment: "arm draw",
    models.Attribution: "inputs_hash",
    models.AudienceWeek: "target",
    models.Audit: "by action",
    models.CalendarFeed: "name hash vertical tag",
    models.Calibration: "odds",
    models.Campaign: "name coupon link",
    models.Complaint: "rule opened_by owner closed_by",
    models.DayRead: "kind",
    models.Delivery: "key step image topic variant fingerprint message_id",
    models.Digest: "target approved_by",
    models.DrawnMessage: "stratum",
    models.EngagementWeek: "speech asked hours",
    models.Experiment: "name zone proposed_by started_by stopped_by",
    models.Faq: "vertical",
    models.ForbiddenWord: "word",
    models.ForgottenContact: "mark salt",
    models.Goal: "metric vertical note set_by",
    models.Heartbeat: "part owner",
    models.ProcessVital: "owner",
    models.IdentityAcceptance: "by",
    models.IdentityCut: "by",
    models.Invitation: "program draw by",
    models.LoginFailure: "subject",
    models.Mark: "kinds products by",
    models.MarkDraw: "sizes by",
    models.MessageVersion: "digest",
    models.NeedMention: "need",
    models.OpenQuestion: "claimed_by answer_key closed_by",
    models.Operator: "name password_hash verticals tags language",
    models.OperatorLink: "hash",
    models.OperatorSession: "hash address browser",
    models.OptOut: "mark salt by",
    models.OrderEvent: "digest order_id source",
    models.OrderLine: "order_id coupon link channel sources",
    models.Overheard: "platform_id twin",
    models.OwnWord: "word by",
    models.Pause: "reason by besides",
    models.PickedQuestion: "by",
    models.Product: "sku name category",
    models.ProductAlias: "alias",
    models.ProfileTag: "tag",
    models.Recall: "recalled",
    models.Rolled: "inputs",
    models.Room: "platform_id topic vertical zone owner unavailable_reason",
    models.RoomTag: "tag",
    models.RoomWeek: "origin",
    models.SealedDay: "hours checksum",
    models.Series: "key name recurrence zone default_zone audience topic also skip move "
    "changed_by approved_by",
    models.SeriesStep: "name text texts rooms rotate ab target image link mini_program",
    models.ShopCursor: "source reason",
    models.Click: "code",
    models.ClickHour: "code",
    models.ShopEvent: "source event_id topic digest missing reason body",
    models.ShortLink: "code url delivery_key made_by",
    models.Signal: "rule",
    models.SpecialDay: "note",
    models.Topic: "target messages",
    models.Webhook: "name url nonce events created_by revoked_reason",
    models.WebhookCall: "about event",
}

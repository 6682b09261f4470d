"""What states are called, and how they look; the words stand in the catalogue."""

from bot.models import DeliveryState, OperatorRole, SeriesKind, SeriesState

# (name, tone): tones are classes of console.css.
DELIVERY = {
    DeliveryState.PENDING: ("待发送", "waiting"),
    DeliveryState.CLAIMED: ("准备发送", "moving"),
    DeliveryState.SENDING: ("发送中", "moving"),
    DeliveryState.SENT: ("已发送", "good"),
    DeliveryState.FAILED: ("失败", "bad"),
    DeliveryState.UNCERTAIN: ("未确认", "doubt"),
    DeliveryState.EXPIRED: ("已过期", "off"),
    DeliveryState.CANCELLED: ("已取消", "off"),
}
SERIES = {
    SeriesState.DRAFT: ("草稿", "off"),
    SeriesState.IN_REVIEW: ("待审批", "doubt"),
    SeriesState.APPROVED: ("已批准", "good"),
    SeriesState.PAUSED: ("已暂停", "bad"),
    SeriesState.ENDED: ("已结束", "off"),
}
ROLES = {
    OperatorRole.VIEWER: ("只看", "off"),
    OperatorRole.OPERATOR: ("运营", "waiting"),
    OperatorRole.APPROVER: ("审批人", "moving"),
    OperatorRole.ADMIN: ("管理员", "good"),
}
KINDS = {
    SeriesKind.QA_DAY: "问题解答日",
    SeriesKind.SHARING_DAY: "用户分享日",
    SeriesKind.ANNOUNCEMENT: "公告",
    SeriesKind.PROMO: "促销",
    SeriesKind.CUSTOM: "自定义",
}

"""Group robots as ways out: each posts into the one room that it was added to, and reads nothing.

wecom-robot://KEY                    企业微信群机器人 (the part of its webhook after `key=`)
feishu-robot://KEY[?secret=…]        飞书自定义机器人 (the part after `/hook/`; 签名校验)
dingtalk-robot://TOKEN[?secret=…]    钉钉自定义机器人 (the part after `access_token=`; 加签)

    robot       one robot as a `bot.gateway.Gateway`; `open_robot` makes it from its URL
    wecom, feishu, dingtalk   a post in the platform's words, and what its codes mean; pure
    answers     what became of a post, from the platform's answer; pure
    texts       what a text is and what it must not do; pure
    webhook     one request to one address, never repeated
"""

"""Somebody starts an experiment, weeks go by, and somebody reads what it showed."""

import datetime as dt

from playwright.sync_api import expect

from bot.models import OperatorRole
from tests.browser.conftest import People
from tests.journeys.test_experiments import (
    BEFORE,
    OVER,
    STARTS,
    WEEKS,
    a_community,
    a_week_goes_out,
    members_buy,
)


def test_an_experiment_is_started_and_its_result_is_read(people: People) -> None:
    desk = people.desk
    a_community(desk.engine)
    desk.clock.move(BEFORE)
    page = people.signs_in("阿原", OperatorRole.OPERATOR)
    page.goto(f"{desk.address}/experiments")
    page.get_by_role("button", name="提出实验").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("名字").fill("停发-11")
    form.get_by_label("改动哪个栏目").select_option("周三特价")
    form.get_by_label("做几周").fill(f"{WEEKS}")
    form.get_by_label("停发百分之几").fill("30")
    form.get_by_label("数哪样商品").fill("D1")
    form.get_by_role("button", name="抽签并记下来").click()
    expect(page.get_by_role("heading", name="停发-11")).to_be_visible()
    expect(page.get_by_text("能看清多大的差别").first).to_be_visible()
    # Who proposes may not start.
    expect(page.get_by_role("button", name="批准并开始")).to_have_count(0)
    address = page.url

    boss = people.signs_in("晓雯", OperatorRole.APPROVER)
    boss.goto(address)
    boss.get_by_role("button", name="批准并开始").click()
    boss.get_by_role("dialog").get_by_role("button", name="开始实验", exact=True).click()
    expect(boss.get_by_text("已批准，从第一周起按抽签来")).to_be_visible()

    for n in range(WEEKS):
        a_week_goes_out(desk.engine, STARTS + n * dt.timedelta(days=7))
    members_buy(desk.engine, effect=0.3)
    desk.clock.move(OVER)
    reader = people.signs_in("小周", OperatorRole.VIEWER)
    reader.goto(f"{desk.address}/experiments")
    reader.get_by_role("link", name="停发-11").click()
    expect(reader.get_by_text("看得出差别")).to_be_visible()
    expect(reader.get_by_text("推广停发组比照发组平均每群每周 -")).to_be_visible()
    expect(reader.get_by_text("4 / 4 周")).to_be_visible()

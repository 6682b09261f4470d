"""What templates look up is there whenever they are drawn."""

import jinja2
from jinja2 import meta, nodes

from bot.console import rendering

LOADER = jinja2.ChoiceLoader(
    [jinja2.PackageLoader("bot.console"), jinja2.PackageLoader("bot.charts")]
)
ENVIRONMENT = jinja2.Environment(autoescape=True, loader=LOADER)
ENVIRONMENT.filters |= dict.fromkeys(("number", "browser"), rendering.browser)


def test_what_is_imported_relies_on_nothing_that_the_layout_imports() -> None:
    # A page imports its parts before its layout is drawn: they do not see what that imports.
    laid_out = set(imported("layout.html"))
    assert "ui" in laid_out
    trees = [parsed(name) for name in ENVIRONMENT.list_templates(extensions=["html", "jinja"])]
    parts = {each.template.as_const() for tree in trees for each in tree.find_all(nodes.Import)}
    parts |= {
        each.template.as_const() for tree in trees for each in tree.find_all(nodes.FromImport)
    }
    assert "sign_ins.html" in parts
    relied = {name: meta.find_undeclared_variables(parsed(name)) & laid_out for name in parts}
    assert not {name: names for name, names in relied.items() if names}


def parsed(name: str) -> nodes.Template:
    source, _, _ = LOADER.get_source(ENVIRONMENT, name)
    return ENVIRONMENT.parse(source, name)


def imported(name: str) -> list[str]:
    """The names that a template imports for what it draws."""
    found = [each.target for each in parsed(name).find_all(nodes.Import)]
    for each in parsed(name).find_all(nodes.FromImport):
        found += [one if isinstance(one, str) else one[1] for one in each.names]
    return found

"""The console (运营后台): the operators' web pages. `web.build` makes it, `serving` runs it."""

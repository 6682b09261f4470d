"""Digests (周报): a week of a room, a vertical or the fleet.

gather    queries → every room's figures at once
findings  a week, and what is worked out from it once
corrections  what last week's digests said, and what is known of it now
saying    what members of a few rooms said
view      the rooms that one digest is about
sections  view → the prepared words and numbers of each part
sheet     what a digest shows, and nothing else: stored as JSON, rendered by `render`
brief     sheet → what fits on one screen
render    sheet → Markdown, HTML, text and the page of the card, from one set of templates
card      the page → PNG, with the letters of `fonts`
workbook  sheet → Excel
publish   stores sheets and writes files
"""

"""Charts as inline SVG, for digests and the console: what they show, where it stands, its colours.

chart     what a chart shows
drawing   chart → rectangles and words in view-box units
palette   the colours of every tone, light and dark
templates `charts.html.jinja` writes a drawing, `charts.css` colours it
"""

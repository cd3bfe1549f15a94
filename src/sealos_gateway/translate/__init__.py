"""Resources to model: one pure function per row.

A function gets a key and `read`; it returns a value. It never raises for a user's mistake: that becomes a
`Problem` inside the row, and the rest of the row is served. Nothing here knows Envoy.
"""

"""The one list of annotations that mean something to the gateway; `docs/annotations.md` is generated from it.

Code asks for an annotation by its constant here and never by a literal, so the list cannot fall behind. `entry` is
what an entry says, one file per family lists them, `every` joins the families. No logic: what an annotation does is
in `translate`.
"""

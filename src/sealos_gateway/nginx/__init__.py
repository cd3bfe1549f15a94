"""What users wrote for nginx: its configuration text, its variables, its regular expressions, as neutral values.

Beside `model`, which is all of ours that this room imports. Nothing here is ever executed or pasted anywhere: text is
parsed, and what is understood becomes values of `model.template` and `model.statements`. No I/O, no clock.
"""

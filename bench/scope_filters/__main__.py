"""Run the cases and the traps, then the measurement (eight minutes)."""

from bench.scope_filters import cases, measure, traps

cases.run()
traps.run()
measure.run()

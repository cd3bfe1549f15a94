"""TrafficPolicy, SecurityPolicy and BackendPolicy to the neutral policies of the model, as annotations are.

`traffic`, `security` and `backend` read one object each, with `reading`; `said` is what comes of it, once for however
many targets. `attached` says for one target which policy holds; `merging` joins what several places say; `tables` are
the live tables; `statuses` is what is written back.
"""

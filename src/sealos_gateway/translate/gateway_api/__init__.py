"""Objects of the Gateway API → what is listened on, and what their status says.

`world` (the tables), `grants` (references across namespaces), `selectors` (namespaces by label), `references` (what a
Gateway or ListenerSet refers to), `listeners` (all listeners of a Gateway, judged), `conflicts` (which of them cannot
stand side by side), `statuses` (Gateways and ListenerSets). The reasons of conditions are those of the specification.
"""

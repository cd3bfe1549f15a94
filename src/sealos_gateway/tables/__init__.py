"""The tables between objects and resources, concern by concern: what each is made from.

A function here takes the tables it reads and returns those it makes; `pipeline` calls them in order, since a table may
read only tables made before its own. What a row means is said in `translate` and `provision`: here is only who reads
whom. Knows neither Envoy nor settings, and no I/O, no clock.
"""

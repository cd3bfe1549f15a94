"""Annotations of an Ingress to policies: what the user wrote in words becomes values of the model.

`values` reads words as numbers, sizes, networks … and tells what it cannot read; one file per family of annotations
says what they mean; `policies` joins the families. A value is data: no text of a user is ever pasted into
configuration.
"""

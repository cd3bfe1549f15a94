"""Moving here from another gateway: what works as it is, what differs, what is refused; and two configurations
compared.

Above the pipeline, whose settled tables it reads. Nothing here writes into a cluster; `gateway_api` writes files.
"""

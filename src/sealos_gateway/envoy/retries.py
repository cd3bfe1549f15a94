"""When a request is sent again to another endpoint: the policy of a host and of routes, and what a method allows.

Envoy's retry policy has no condition on the method. Its router also reads conditions from a header, which it takes off
before the request leaves; so every request is given `HEADER` with `reset` after all filters of policies, and methods
whose repetition may do harm lose it again. A route that says by itself what is repeated removes the header
(docs/decisions/044-repeats-by-method.md).
"""

from __future__ import annotations

from sealos_gateway.envoy import api
from sealos_gateway.model.policy import Policy, Retry, RetryOn

HEADER = "x-envoy-retry-on"
#: What the header says: the connection ended, or nothing came in time, after the request was sent.
SENT = RetryOn.RESET.value
#: RFC 9110, 9.2.2.
IDEMPOTENT = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE")


def fill(message: api.Message, policy: Policy) -> None:
    """Write into an envoy.config.route.v3.Route with a RouteAction what its policy says.

    A route's retry policy replaces that of the virtual host, so the usual one is repeated where times need one.
    """
    times = policy.timeouts
    attempt, silence = (times.attempt, times.idle) if times else (None, None)
    if not _by_method(policy.retry, attempt):
        message.request_headers_to_remove.append(HEADER)
    if policy.retry is None and attempt is None and silence is None:
        return
    written = message.route.retry_policy
    written.CopyFrom(USUAL if policy.retry is None else retry(policy.retry))
    if attempt is not None:
        written.per_try_timeout.CopyFrom(api.seconds(attempt))
    if silence is not None:
        written.per_try_idle_timeout.CopyFrom(api.seconds(silence))


def _by_method(wanted: Retry | None, attempt: float | None) -> bool:
    """Whether the method decides. A limit for one try alone does not ask for a second one."""
    return attempt is None if wanted is None else RetryOn.RESET_IF_IDEMPOTENT in wanted.on


def retry(wanted: Retry) -> api.Message:
    """envoy.config.route.v3.RetryPolicy; another endpoint is tried where there is one."""
    conditions = [it.value for it in wanted.on if it is not RetryOn.RESET_IF_IDEMPOTENT]
    conditions += ["retriable-status-codes"] if wanted.statuses else []
    policy = api.route_components.RetryPolicy(
        retry_on=",".join(conditions), num_retries=api.uint(wanted.attempts), host_selection_retry_max_attempts=_CHOICES
    )
    policy.retriable_status_codes.extend(wanted.statuses)
    policy.retry_host_predicate.add().CopyFrom(_OTHER_HOST)
    if wanted.base_interval:
        policy.retry_back_off.base_interval.CopyFrom(api.seconds(wanted.base_interval))
        if wanted.max_interval:
            policy.retry_back_off.max_interval.CopyFrom(api.seconds(wanted.max_interval))
    return policy


#: How often Envoy draws again where it drew an endpoint that was tried. Of two endpoints, with three more draws, one
#: repeat in sixteen would go to the broken one again. With one endpoint it draws for nothing, but only for a repeat.
_CHOICES = 16
_PREVIOUS = "envoy.retry_host_predicates.previous_hosts"
_PREVIOUS_CONFIG = api.pack(api.previous_hosts.PreviousHostsPredicate())
_OTHER_HOST = api.route_components.RetryPolicy.RetryHostPredicate(name=_PREVIOUS, typed_config=_PREVIOUS_CONFIG)
_NOT_REACHED = (RetryOn.CONNECT_FAILURE, RetryOn.REFUSED_STREAM, RetryOn.RESET_BEFORE_REQUEST)
#: Of services that are asked about a request: one that was not reached was not asked.
QUESTIONS = api.base.RetryPolicy(
    retry_on=",".join(it.value for it in _NOT_REACHED),
    num_retries=api.uint(2),
    retry_host_predicate=[api.base.RetryPolicy.RetryHostPredicate(name=_PREVIOUS, typed_config=_PREVIOUS_CONFIG)],
    host_selection_retry_max_attempts=_CHOICES,
)
#: Of every host. Whatever the method: only what has not reached the backend.
USUAL = retry(Retry(2, _NOT_REACHED))

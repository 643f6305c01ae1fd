"""Why one address did not give the model: the reason in words, so that the next mirror can be tried."""

import errno
from collections.abc import Iterator


class AddressFailure(Exception):
    """One address failed; another one may do. The message is the reason, without the address."""


def is_disk_full(error: OSError) -> bool:
    """Say whether the system refused to write for want of space."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def connection_failure(error: Exception, host: str, received: int = 0) -> AddressFailure:
    """Put an exception of requests into words.

    Args:
        error: what requests raised.
        host: whom it was asking.
        received: bytes that had arrived.
    """
    import requests

    causes = list(_causes(error))
    numbers = {cause.errno for cause in causes if isinstance(cause, OSError)}
    kinds = {type(cause).__name__ for cause in causes}
    if kinds & {"gaierror", "NameResolutionError"}:
        return AddressFailure(f"the name {host} cannot be resolved: is there a network?")
    if isinstance(error, requests.exceptions.SSLError):
        return AddressFailure(f"no trusted encrypted connection to {host} ({causes[-1]})")
    if isinstance(error, requests.exceptions.ProxyError):
        return AddressFailure(f"the proxy does not let through to {host}; see the environment variable HTTPS_PROXY")
    if errno.ECONNREFUSED in numbers:
        return AddressFailure(f"{host} refuses the connection: no server is running there")
    if numbers & {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN}:
        return AddressFailure(f"{host} cannot be reached: is there a network?")
    if kinds & {"ConnectTimeout", "ConnectTimeoutError"}:
        return AddressFailure(f"{host} does not answer")
    if kinds & {"ReadTimeout", "ReadTimeoutError", "TimeoutError"}:
        return AddressFailure(f"{host} stopped sending after {megabytes(received)}")
    return AddressFailure(f"the connection was cut {f'after {megabytes(received)}' if received else 'at once'}")


def megabytes(count: int) -> str:
    """Write a number of bytes for people."""
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk through everything that led to ``error``; urllib3 keeps causes in arguments and in ``reason``, too."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        candidates = [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
        waiting += [candidate for candidate in candidates if isinstance(candidate, BaseException)]

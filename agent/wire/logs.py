"""One event, one line: how agent and bot log. ``run.finished run=k3x9q2ab-17 verdict=pass``."""

import logging
import sys

import structlog


def configure(*, verbose: bool = False, quiet: bool = False) -> None:
    """Log to stderr; *verbose* adds what only a developer wants to see, *quiet* leaves failures."""
    level = logging.DEBUG if verbose else logging.CRITICAL if quiet else logging.INFO
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(),
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], drop_missing=True
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # slixmpp and asyncio speak through logging; their chatter is not for operators.
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("slixmpp").setLevel(logging.CRITICAL)

"""refjs: NATS JetStream as a formally tested reference implementation.

``docs/architecture.md`` shows the floors; imports point downwards only.
"""

__version__ = "0.1.0"

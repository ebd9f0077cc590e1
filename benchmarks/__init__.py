"""The same work on refjs and on nats-server, timed side by side; and the build that mypyc makes of the core."""

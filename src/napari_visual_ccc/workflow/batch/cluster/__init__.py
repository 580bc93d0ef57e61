"""The workers of a dask scheduler: connection, tasks that check their worker, memory."""

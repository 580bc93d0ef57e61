"""Many images: one runner for any operation or record, on threads, processes or a cluster."""

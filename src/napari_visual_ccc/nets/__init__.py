"""What needs torch: architectures, models, inference and training."""

from __future__ import annotations

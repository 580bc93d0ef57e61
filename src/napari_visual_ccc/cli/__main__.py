"""`python -m napari_visual_ccc.cli`."""

import sys

from .main import main

sys.exit(main())

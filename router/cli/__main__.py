"""``python -m router.cli``, as the parent of several processes starts its children."""

import sys

from router.cli.main import main

sys.exit(main())

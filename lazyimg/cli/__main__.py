"""``python -m lazyimg.cli`` is the command, where its script is not on PATH."""

import sys

from lazyimg.cli import main

if __name__ == "__main__":
    sys.exit(main())

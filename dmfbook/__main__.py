"""``python -m dmfbook`` is the command ``dmfbook``."""

from dmfbook.workflow.cli import main

if __name__ == "__main__":
    main()

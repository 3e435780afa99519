"""``python -m dmfbook`` is the command ``dmfbook``."""

from dmfbook_command import main

if __name__ == "__main__":
    main()

"""``python -m dnn_xp`` is ``dnn-xp``."""

from dnn_xp.app.cli import main

if __name__ == "__main__":
    main()

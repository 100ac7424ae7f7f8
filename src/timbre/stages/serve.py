"""A page to try people on, in a browser of this machine: record or choose a file, see who it is, enrol, forget.

It listens on 127.0.0.1 only. Audio is used in memory and not kept; nothing leaves the machine.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec

from timbre.errors import TimbreError

NEEDED = ("waitress", "werkzeug")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from timbre.stages.identify import add_people_options

    add_people_options(parser)
    parser.add_argument("--port", type=int, default=8000, help="of 127.0.0.1; 0: any that is free")


def main(args: argparse.Namespace) -> None:
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise TimbreError(
            f"{' and '.join(missing)} is missing: pip install 'timbre[serve]' (or {' '.join(missing)})"
        )
    from timbre.serve.app import App
    from timbre.serve.server import listen, make_server
    from timbre.stages.identify import open_people

    with listen(args.port) as at:
        port = at.getsockname()[1]
        app = App(open_people(args), port, args.false_accepts, args.prior)
        server = make_server(app, at)
        print(f"http://127.0.0.1:{port} (Ctrl-C ends it)", flush=True)
        server.run()

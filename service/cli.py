"""`qc-service run`: starts the service, and says where it is."""

import argparse
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from qc_vision.errors import QcVisionError


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="qc-service", description="Layanan periksa mutu keranjang / basket inspection service")
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser(
        "run", help="jalankan layanan / start the service", epilog="example: qc-service run --port 8000 --data data"
    )
    run.add_argument("--host", default=None, help="default 127.0.0.1")
    run.add_argument("--port", type=int, default=None, help="default 8000")
    run.add_argument("--data", type=Path, default=None, help="folder for records and photos, default ./data")
    run.set_defaults(call=_run)
    arguments = parser.parse_args(argv)
    status: int = arguments.call(arguments)
    return status


def _run(arguments: argparse.Namespace) -> int:
    import uvicorn

    from qc_vision.inspection import load_inspector
    from service.app import create_app
    from service.settings import Settings

    given = {k: v for k in ("host", "port", "data") if (v := getattr(arguments, k)) is not None}
    settings = Settings(**given)
    if not _port_is_free(settings.host, settings.port):
        print(
            f"Alamat {settings.host}:{settings.port} sudah dipakai; pilih lain dengan --port.\n"
            f"{settings.host}:{settings.port} is in use or cannot be used; choose another with --port.",
            file=sys.stderr,
        )
        return 1
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        inspector = load_inspector()
    except QcVisionError as wrong:
        print(f"{wrong.message.id}\n{wrong.message.en}", file=sys.stderr)
        return 1
    except OSError as wrong:
        print(
            f"Folder data {settings.data} tidak dapat dipakai: {wrong.strerror}.\n"
            f"The data folder {settings.data} cannot be used: {wrong.strerror}.",
            file=sys.stderr,
        )
        return 1
    print(f"Buka / open  http://{settings.host}:{settings.port}  (Ctrl+C: berhenti / stop)", flush=True)
    uvicorn.run(create_app(settings, load=lambda: inspector), host=settings.host, port=settings.port, log_level="warning")
    return 0


def _port_is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())

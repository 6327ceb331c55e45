"""The command `qc-service`: makes sure that it can serve, says where, and serves.

Heavy imports stand inside the command, so that `--help` answers at once.
"""

import argparse
import errno
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qc_vision.errors import QcVisionError
from qc_vision.message import Message

if TYPE_CHECKING:
    from service.settings import Settings

DONE, CANNOT = 0, 1
LOOPBACK = ("127.0.0.1", "::1", "localhost")

RUN_HELP = """\
Jalankan halaman dan API. / Serve the page and the API.

Settings may also come from the environment: QC_HOST, QC_PORT, QC_DATA_DIR, QC_MAX_UPLOAD_BYTES,
QC_MAX_PHOTOS, QC_WORKERS, QC_WAIT_S.

example:
  qc-service run --port 8000 --data data/
"""


class CannotListen(QcVisionError):
    """The address is taken, or not ours."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options.host, options.port, options.data)
    except QcVisionError as wrong:
        print(f"{wrong.message.id}\n{wrong.message.en}", file=sys.stderr)
        return CANNOT


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises CannotListen with what to do instead."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as on_failure:
            listener = on_failure.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            on_failure.pop_all()
    except OSError as wrong:
        raise CannotListen(_why_not(host, port, wrong)) from wrong
    return listener


def _run(host: str | None, port: int | None, data: Path | None) -> int:
    settings = _settings(host, port, data)

    import uvicorn

    from qc_vision.inspection import load_inspector
    from service.app import create_app, open_records

    # everything that may refuse is tried before the address is announced
    open_records(settings.data_dir).close()
    with listen(settings.host, settings.port) as listener:
        inspector = load_inspector()
        url = _url(settings.host, listener.getsockname()[1])
        print(f"Layanan siap. Buka {url}\nThe service is ready. Open {url}", flush=True)
        if settings.host not in LOOPBACK:
            print(
                "Siapa pun di jaringan ini bisa memakainya: belum ada kata sandi.\n"
                "Anybody on this network can use it: there is no password yet.",
                file=sys.stderr,
            )
        app = create_app(settings, inspector=inspector)
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        uvicorn.Server(config).run(sockets=[listener])
    return DONE


def _settings(host: str | None, port: int | None, data: Path | None) -> "Settings":
    """The environment's settings, with those of the command line laid over them."""
    from pydantic import ValidationError

    from service.settings import Settings

    given: dict[str, Any] = {"host": host, "port": port, "data_dir": data}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as wrong:
        names = ", ".join(f"{'.'.join(map(str, e['loc']))} ({e['msg']})" for e in wrong.errors())
        message = Message(
            id=f"Pengaturan tidak sah: {names}. Perbaiki pilihan perintah atau variabel QC_.",
            en=f"Invalid settings: {names}. Mend the options or the QC_ variables.",
        )
        raise QcVisionError(message) from wrong


def _why_not(host: str, port: int, wrong: OSError) -> Message:
    if wrong.errno == errno.EADDRINUSE:
        return Message(
            id=f"Port {port} sudah dipakai program lain. Hentikan program itu, atau pilih lain: --port {port + 1}.",
            en=f"Port {port} is taken by another program. Stop it, or choose another: --port {port + 1}.",
        )
    return Message(
        id=f"Tidak bisa membuka {host}:{port} ({wrong.strerror}). Pilih --host atau --port lain.",
        en=f"Cannot listen at {host}:{port} ({wrong.strerror}). Choose another --host or --port.",
    )


def _url(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qc-service", description="Halaman dan API pemeriksaan mutu. / The inspection page and API."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "run",
        help=RUN_HELP.splitlines()[0],
        description=RUN_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("--host", help="alamat / address (127.0.0.1)")
    run.add_argument("--port", type=int, help="port (8000)")
    run.add_argument(
        "--data", type=Path, metavar="DIR", help="map catatan dan foto / records and photos (data)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""The command `qc-service`: makes sure that it can serve, says where, and serves.

Heavy imports stand inside the command, so that `--help` answers at once.
"""

import argparse
import errno
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from qc_vision.errors import QcVisionError
from qc_vision.message import Message
from qc_vision.sampling import LEVELS, REGIMES

if TYPE_CHECKING:
    from service.settings import Settings

DONE, CANNOT = 0, 1
LOOPBACK = ("127.0.0.1", "::1", "localhost")

RUN_HELP = """\
Jalankan halaman dan API. / Serve the page and the API.

Settings also come from the environment and from `.env` in this folder (QC_PORT, QC_DATABASE_URL, ...):
`.env.example` lists them all.

example:
  qc-service run --port 8000 --data data/
"""

RECORD_HELP = "Periksa bukti yang tersimpan. / Check the evidence that is kept."
VERIFY_HELP = """\
Hitung ulang semua catatan dan foto. / Recompute all records and photos.

Prints what held, or the first thing that is not as it was; exit status 3 where there is one.

example:
  qc-service record verify --data data/
"""
CHECKPOINT_HELP = """\
Tanda tangani ujung buku catatan. / Sign where the ledger ends.

Adds one line to QC_CHECKPOINT_FILE (checkpoints.jsonl in the data folder) and prints it: send it to
somebody else, who can then show what was cut off or rewritten before it.

example:
  qc-service record checkpoint --data data/
"""
PURGE_HELP = """\
Hapus yang sudah cukup lama disimpan. / Remove what was kept long enough.

Photos older than QC_KEEP_PHOTOS_DAYS (730), records and facts older than QC_KEEP_RECORDS_DAYS (3650). What
was removed is put on record; its hash stays, and `record verify` still holds.

example:
  qc-service record purge --by R-03 --data data/
"""
REFILE_HELP = """\
Pindahkan pemeriksaan ke keranjang yang benar. / File an inspection under the right basket.

For photos that were sent under the wrong code. Nothing is edited: the filing is on record with who and why, in the
history of both baskets; what was decided on the inspection no longer counts, and it waits for a person again.
`--by` is an account with the role reviewer, and not the photographer where the spec asks for two persons.

example:
  qc-service record refile 4f0c... --to KLS-0421 --by R-03 --reason "kode tertukar" --data data/
"""
CERTIFICATE_HELP = """\
Periksa sertifikat tanpa jaringan. / Check a certificate offline.

Needs the file and the keys published at /.well-known/jwks.json; exit status 3 where it does not hold.

example:
  qc-service record check certificate.jws --keys jwks.json
"""
BACKUP_KEY_HELP = """\
Buat kunci cadangan. / Make a key that opens sealed backups.

Writes the secret key to a new file, which belongs on another disk, and prints the public one: with that in
QC_BACKUP_PUBLIC_KEY backups are sealed. Whoever loses the file loses the backups.

example:
  qc-service key backup /media/safe/backup.key
"""
KEY_HELP = """\
Ganti kunci tanda tangan. / Renew the signing key.

Old signatures stay checkable; nobody can sign with the old key any more. Prints the public keys.

example:
  qc-service key rotate --data data/
"""

ACCOUNT_HELP = """\
Siapa boleh apa. / Who may do what.

An account added with `--group` (again for each) sees and writes for those village groups alone, else for all.
Roles: inspector, reviewer, exporter, ml, admin. `add` and `link` print a one-time link (24 hours) to set the
password; `token` a machine's token. Both are shown once; only their hashes are kept. JSON, one line each.

example:
  qc-service account add R-03 --roles inspector,reviewer --data data/
  qc-service account list
  qc-service account role R-03 --roles reviewer
  qc-service account scope R-03 --group KB-01 --group KB-02
  qc-service account scope R-03 --all
  qc-service account link R-03
  qc-service account identity R-03 --subject 248289761001
  qc-service account second-factor remove R-03
  qc-service account token BOX-1 --days 30
  qc-service account revoke 1a2b3c4d5e6f
  qc-service account disable R-03
  qc-service account log --since 2026-11-01
"""
SECOND_FACTOR_HELP = """\
Lepaskan faktor kedua dari yang kehilangan ponsel. / Take the second factor from whoever lost the phone.

The account's sessions end with it. Make sure first who asks: from now on the password alone lets in.

example:
  qc-service account second-factor remove R-03
"""
ACCOUNT_LOG_HELP = """\
Siapa masuk, ditolak, diberi izin. / Who got in, was refused, was permitted what.

JSON lines, oldest first. Times without an offset are UTC. Refusals are kept up to a number an hour and a day, so
that nobody can fill the disk with them; the last one kept says so.

example:
  qc-service account log R-03 --act sign_in_refused --act locked_out --since 2026-11-01 --until 2026-12-01
"""

BACKUP_HELP = """\
Simpan semuanya dalam satu berkas. / Keep everything in one file.

Records, photos, keys and checkpoints, while the service runs; verified once it is written. Whoever has the file can
sign in the service's name: set QC_BACKUP_PUBLIC_KEY (`qc-service key backup`), and it is sealed. Uploads still being
graded are not in it.

example:
  qc-service backup /media/stick/qc.zip --data data/
"""
RESTORE_HELP = """\
Kembalikan ke tempat kosong. / Put it back into an empty place.

Verifies the file, writes, verifies what it wrote. SQLite or PostgreSQL, folder or bucket, as the settings say.

example:
  qc-service restore /media/stick/qc.zip --data data/
  qc-service restore /media/stick/qc.zip.age --key /media/safe/backup.key
"""
DOCTOR_HELP = """\
Periksa semua yang dipakai layanan. / Check all that the service stands on.

Settings, model, disk, keys, database, ledger, photos, uploads in hand: one line each, with what to do.
--repair mends what is safe: steps of the schema, leases that ran out, files that no record names. Exit
status 3 where something is still wrong.

example:
  qc-service doctor --data data/
"""

LOT_HELP = "Rencana sampel lot. / Sampling plans of lots."
PLAN_HELP = """\
Berapa yang diperiksa, berapa yang boleh cacat. / How many to look at, how many may be nonconforming.

ISO 2859-1:1999 single sampling, with the chance that a lot is accepted: by a person, and were the model in use
to judge alone, with its measured figures. `--sensitivity` and `--specificity` fold in a person who errs.

example:
  qc-service lot plan --size 200 --level II --severity normal
"""


class CannotListen(QcVisionError):
    """The address is taken, or not ours."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        match options.command:
            case "record":
                return _record(options)
            case "key":
                return _make_key(options)
            case "backup" | "restore":
                return _back_up(options)
            case "lot":
                return _plan_lot(options)
            case "account":
                return _account(options)
            case "doctor":
                return _doctor(options)
            case _:
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

    from service.memory import give_back_early, suit_graders

    give_back_early()
    suit_graders()
    from service.crew import Processes, working
    from service.workplace import open_records

    # everything that may refuse is tried before the address is announced
    store = open_records(settings)
    crew = Processes(settings)
    with listen(settings.host, settings.port) as listener:
        crew.begin()
        # while they load the model: two seconds of a core, about as long as theirs
        from service.account_commands import first_link
        from service.app import create_app
        from service.request_log import log_as_json
        from service.server import serve

        with working(crew):
            url = _url(settings.host, listener.getsockname()[1])
            link = first_link(store, url)
            store.close()
            print(f"Layanan siap. Buka {url}\nThe service is ready. Open {url}", flush=True)
            if link is not None:
                print(
                    "Belum ada kata sandi. Tautan sekali pakai untuk akun pertama:\n"
                    f"There is no password yet. One-time link for the first account:\n{link}",
                    flush=True,
                )
            if settings.host not in LOOPBACK:
                print(
                    "Kata sandi melewati jaringan ini terbuka: pasang di belakang HTTPS.\n"
                    "Passwords cross this network in the clear: put it behind HTTPS.",
                    file=sys.stderr,
                )
            app = create_app(settings, crew=crew)
            log_as_json(sys.stderr)
            serve(app, listener)
    return DONE


def _record(options: argparse.Namespace) -> int:
    from service.record_commands import (
        check_certificate,
        purge_records,
        refile_inspection,
        verify_records,
        write_checkpoint,
    )

    if options.what == "check":
        return check_certificate(options.certificate, options.keys)
    settings = _settings(None, None, options.data)
    if options.what == "purge":
        return purge_records(settings, by=options.by)
    if options.what == "checkpoint":
        return write_checkpoint(settings)
    if options.what == "refile":
        return refile_inspection(
            settings,
            options.inspection,
            item=options.to,
            maker=options.maker,
            by=options.by,
            reason=options.reason,
        )
    return verify_records(settings, photos=not options.no_photos)


def _back_up(options: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from service.backup import back_up, restore

    settings = _settings(None, None, options.data)
    held = (
        back_up(settings, options.file)
        if options.command == "backup"
        else restore(settings, options.file, key_file=options.key)
    )
    print(json.dumps(asdict(held)))
    return DONE


def _make_key(options: argparse.Namespace) -> int:
    from service.record_commands import make_backup_key, rotate_key

    if options.what == "backup":
        return make_backup_key(options.file)
    return rotate_key(_settings(None, None, options.data))


def _doctor(options: argparse.Namespace) -> int:
    from service.doctor_command import run_doctor

    return run_doctor(_settings(None, None, options.data), repair=options.repair, again=options.again)


def _account(options: argparse.Namespace) -> int:
    from service import account_commands as do
    from service.audit import Act, Asked
    from service.caller import Role

    settings = _settings(None, None, options.data)
    match options.what:
        case "add":
            groups = frozenset(options.group) if options.group else None
            do.add(settings, options.code, frozenset(map(Role, options.roles)), groups=groups)
        case "list":
            do.show_all(settings)
        case "role":
            do.change_roles(settings, options.code, frozenset(map(Role, options.roles)))
        case "scope":
            do.change_scope(settings, options.code, None if options.all else frozenset(options.group))
        case "disable":
            do.close(settings, options.code)
        case "link":
            do.link(settings, options.code)
        case "identity":
            do.identity(settings, options.code, options.subject)
        case "second-factor":
            do.remove_second_factor(settings, options.code)
        case "token":
            do.token(settings, options.code, days=options.days)
        case "revoke":
            do.revoke(settings, options.id)
        case "log":
            acts = tuple(map(Act, options.act))
            asked = Asked(account=options.code, acts=acts, since=options.since, until=options.until)
            do.show_log(settings, asked)
    return DONE


def _plan_lot(options: argparse.Namespace) -> int:
    from qc_vision.operating_characteristic import Reader
    from service.plan_command import print_lot_plan

    print_lot_plan(
        size=options.size,
        spec=options.spec,
        level=options.level,
        regime=options.severity,
        reader=Reader(sensitivity=options.sensitivity, specificity=options.specificity),
        as_json=options.json,
    )
    return DONE


def _settings(host: str | None, port: int | None, data: Path | None) -> "Settings":
    """The environment's settings, with those of the command line laid over them."""
    from service.settings import read_settings

    given = {"host": host, "port": port, "data_dir": data}
    return read_settings({name: value for name, value in given.items() if value is not None})


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
    run = _command(commands, "run", RUN_HELP)
    run.add_argument("--host", help="alamat / address (127.0.0.1)")
    run.add_argument("--port", type=int, help="port (8000)")
    _add_data(run)
    _add_record_commands(commands)
    for name, words in (("backup", BACKUP_HELP), ("restore", RESTORE_HELP)):
        command = _command(commands, name, words)
        command.add_argument("file", type=Path, metavar="FILE", help="berkas / the file (.zip)")
        if name == "restore":
            command.add_argument(
                "--key", type=Path, metavar="FILE", help="kunci cadangan / key that opens it"
            )
        _add_data(command)
    _add_lot_commands(commands)
    _add_account_commands(commands)
    doctor = _command(commands, "doctor", DOCTOR_HELP)
    doctor.add_argument("--repair", action="store_true", help="pulihkan yang aman / mend what is safe")
    doctor.add_argument(
        "--again",
        metavar="ID",
        help="nilai lagi kiriman yang disisihkan / grade an upload that was set aside",
    )
    _add_data(doctor)
    return parser


def _add_account_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    account = _command(commands, "account", ACCOUNT_HELP).add_subparsers(dest="what", required=True)
    add = _account_command(account, "add", "Tambah akun. / Add an account.")
    _account_command(account, "list", "Semua akun. / All accounts.", of=None)
    role = _account_command(account, "role", "Ganti peran. / Change the roles.")
    scope = _account_command(account, "scope", "Batasi ke kelompok. / Hold to village groups.")
    _account_command(account, "disable", "Tutup akun. / Close an account.")
    _account_command(account, "link", "Tautan kata sandi. / A link to set the password.")
    identity = _account_command(
        account, "identity", "Identitas dari penyedia. / An identity at the provider."
    )
    factor = _command(account, "second-factor", SECOND_FACTOR_HELP).add_subparsers(dest="do", required=True)
    _account_command(factor, "remove", SECOND_FACTOR_HELP)
    token = _account_command(account, "token", "Token mesin. / A machine's token.")
    _account_command(account, "revoke", "Tarik token. / Withdraw a token.", of="id")
    log = _account_command(account, "log", ACCOUNT_LOG_HELP, of=None)
    for command in (add, role):
        command.add_argument("--roles", type=_roles, required=True, help="peran / roles, joined by commas")
    held = scope.add_mutually_exclusive_group(required=True)
    held.add_argument("--all", action="store_true", help="semua kelompok / all groups")
    for owner in (add, held):
        owner.add_argument(
            "--group", action="append", type=_group, help="kelompok / village group; repeat it"
        )
    whom = identity.add_mutually_exclusive_group(required=True)
    whom.add_argument("--subject", help="sebutan di penyedia / what the provider calls them (sub)")
    whom.add_argument("--none", action="store_true", help="lepaskan / take it away")
    token.add_argument("--days", type=int, default=90, help="umur token / days it lasts (90)")
    log.add_argument("code", nargs="?", help="kode akun / account code")
    log.add_argument("--act", action="append", default=[], type=_act, help="jenis / kind; repeat it")
    log.add_argument("--since", type=_moment, metavar="TIME", help="sejak / from this time on")
    log.add_argument("--until", type=_moment, metavar="TIME", help="sebelum / before this time")


def _account_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    words: str,
    *,
    of: str | None = "code",
) -> argparse.ArgumentParser:
    command = _command(commands, name, words)
    if of is not None:
        command.add_argument(of, help={"code": "kode akun / account code", "id": "id token / token id"}[of])
    _add_data(command)
    return command


def _act(text: str) -> str:
    from service.audit import Act

    if text not in list(Act):
        raise argparse.ArgumentTypeError(f"{text!r}: {', '.join(Act)}")
    return text


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(f"{text!r}: 2026-11-28, 2026-11-28T17:30+07:00") from wrong
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _group(text: str) -> str:
    from pydantic import TypeAdapter

    from service.item import Ref

    code: str = TypeAdapter(Ref).validate_python(text)
    return code


def _roles(text: str) -> tuple[str, ...]:
    from service.caller import Role

    return tuple(Role(role).value for role in text.split(","))


def _add_lot_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    lot = _command(commands, "lot", LOT_HELP).add_subparsers(dest="what", required=True)
    plan = _command(lot, "plan", PLAN_HELP)
    plan.add_argument("--size", type=int, required=True, help="isi lot / units in the lot")
    plan.add_argument("--spec", default="default", metavar="NAME", help="spesifikasi / spec (default)")
    plan.add_argument("--level", choices=LEVELS, help="tingkat pemeriksaan / inspection level (the spec's)")
    plan.add_argument("--severity", choices=REGIMES, default="normal", help="ketatnya / severity (normal)")
    plan.add_argument("--sensitivity", type=float, default=1.0, metavar="0-1", help="(1)")
    plan.add_argument("--specificity", type=float, default=1.0, metavar="0-1", help="(1)")
    plan.add_argument("--json", action="store_true", help="JSON, dengan kurva / with the curves")


def _add_record_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    record = _command(commands, "record", RECORD_HELP).add_subparsers(dest="what", required=True)
    check = _command(record, "verify", VERIFY_HELP)
    check.add_argument("--no-photos", action="store_true", help="tanpa membaca foto / leave photos unread")
    _add_data(check)
    _add_data(_command(record, "checkpoint", CHECKPOINT_HELP))
    remove = _command(record, "purge", PURGE_HELP)
    remove.add_argument("--by", required=True, metavar="CODE", help="kode Anda / your code")
    _add_data(remove)
    file = _command(record, "refile", REFILE_HELP)
    file.add_argument("inspection", metavar="ID", help="nomor pemeriksaan / the inspection's id")
    file.add_argument("--to", required=True, metavar="CODE", help="keranjang yang benar / the right basket")
    file.add_argument("--maker", metavar="CODE", help="perajinnya, bila tahu / its maker, where known")
    file.add_argument("--by", required=True, metavar="CODE", help="akun Anda / your account")
    file.add_argument("--reason", required=True, help="alasannya / why")
    _add_data(file)
    certificate = _command(record, "check", CERTIFICATE_HELP)
    certificate.add_argument("certificate", type=Path, metavar="CERT", help="berkas .jws / the .jws file")
    certificate.add_argument(
        "--keys", type=Path, required=True, help="kunci yang diumumkan / the published keys (jwks.json)"
    )
    key = _command(commands, "key", KEY_HELP).add_subparsers(dest="what", required=True)
    _add_data(_command(key, "rotate", KEY_HELP))
    _command(key, "backup", BACKUP_KEY_HELP).add_argument("file", type=Path, metavar="FILE")


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, words: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=words.splitlines()[0],
        description=words,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data", type=Path, metavar="DIR", help="map catatan dan foto / records and photos (data)"
    )


if __name__ == "__main__":
    sys.exit(main())

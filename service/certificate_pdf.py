"""The certificate on paper: one or two A4 pages in both languages, with a QR that leads to its public page."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import segno
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    Image,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from qc_vision.message import Message
from qc_vision.sampling import Regime
from service.certificate import Certificate

THUMBNAIL_MM = 40.0
QR_MM = 34.0
QUIET_MODULES = 4
"""Blank modules around the code, without which readers may miss it (ISO/IEC 18004)."""
INK = colors.HexColor("#17201e")
SOFT = colors.HexColor("#4d5a57")
LINE = colors.HexColor("#cfd6d2")
TONES = {"accepted": colors.HexColor("#15693a"), "rejected": colors.HexColor("#a81e1e")}
BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=9, leading=12, textColor=INK)
SMALL = ParagraphStyle("small", parent=BODY, fontSize=7, leading=9, textColor=SOFT, wordWrap="CJK")
HEAD = ParagraphStyle(
    "head", parent=BODY, fontName="Helvetica-Bold", fontSize=11, leading=14, spaceBefore=8, keepWithNext=1
)
TITLE = ParagraphStyle("title", parent=BODY, fontName="Helvetica-Bold", fontSize=17, leading=21)

VERDICTS = {
    "accepted": Message(id="LOT DITERIMA", en="LOT ACCEPTED"),
    "rejected": Message(id="LOT DITOLAK", en="LOT REFUSED"),
}
CLASSES = {
    "critical": Message(id="kritis", en="critical"),
    "major": Message(id="berat", en="major"),
    "minor": Message(id="ringan", en="minor"),
}
REGIMES: dict[Regime, Message] = {
    "normal": Message(id="normal", en="normal"),
    "tightened": Message(id="ketat", en="tightened"),
    "reduced": Message(id="longgar", en="reduced"),
}
SIGNERS = (
    Message(id="Pemeriksa: nama, tempat, tanggal", en="Inspector: name, place, date"),
    Message(id="Eksportir: nama, tempat, tanggal", en="Exporter: name, place, date"),
)
DIRECTIONS = {
    "weft": Message(id="Pakan, helai per 10 cm", en="Weft, strands per 10 cm"),
    "warp": Message(id="Lungsi, helai per 10 cm", en="Warp, strands per 10 cm"),
}


def draw_certificate(
    certificate: Certificate, *, thumbnails: Sequence[bytes], kid: str, signature: str
) -> bytes:
    """The PDF. The same certificate gives the same bytes. `kid`: the key that signed it; `signature`: what it made."""
    written = io.BytesIO()
    document = SimpleDocTemplate(
        written,
        pagesize=A4,
        leftMargin=18 * mm,
        rightMargin=18 * mm,
        topMargin=16 * mm,
        bottomMargin=16 * mm,
        title=f"Sertifikat lot / Lot certificate {certificate.lot}",
        author="qc_vision",
        invariant=1,
    )

    def foot(canvas: Canvas, page: SimpleDocTemplate) -> None:
        """On each page, so that none can be taken for another lot's."""
        canvas.setFont("Helvetica", 7)
        canvas.setFillColor(SOFT)
        said = f"{certificate.lot} · {certificate.id} · {page.page}"
        canvas.drawRightString(A4[0] - 18 * mm, 9 * mm, said)

    document.build(
        [
            _header(certificate),
            Spacer(1, 4 * mm),
            _facts(certificate),
            Paragraph("Rencana sampel / Sampling plan", HEAD),
            _plan(certificate),
            Paragraph("Syarat ekspor / Conditions of export", HEAD),
            _rules(certificate),
            *_photos(thumbnails),
            Spacer(1, 4 * mm),
            KeepTogether([*_proof(certificate, kid, signature), Spacer(1, 18 * mm), _signers()]),
        ],
        onFirstPage=foot,
        onLaterPages=foot,
    )
    return written.getvalue()


def _header(certificate: Certificate) -> Flowable:
    verdict = VERDICTS[certificate.verdict]
    style = ParagraphStyle(
        "verdict", parent=TITLE, fontSize=14, leading=18, textColor=TONES[certificate.verdict]
    )
    # said at once: an accepted lot is not yet one that may be exported
    tone = TONES["accepted" if certificate.eligible == certificate.size else "rejected"]
    share = ParagraphStyle("share", parent=HEAD, textColor=tone)
    left = [
        Paragraph("Sertifikat lot / Lot certificate", TITLE),
        Paragraph(f"<b>{escape(certificate.lot)}</b>", TITLE),
        Paragraph(_both(verdict), style),
        Paragraph(
            escape(f"Layak ekspor / Eligible for export: {certificate.eligible} / {certificate.size}"), share
        ),
    ]
    table = Table([[left, _qr(certificate.url)]], hAlign="LEFT", colWidths=[136 * mm, 38 * mm])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return table


def _qr(url: str) -> Flowable:
    drawn = io.BytesIO()
    segno.make(url, error="m", micro=False).save(drawn, kind="png", scale=8, border=QUIET_MODULES)
    drawn.seek(0)
    return Image(drawn, width=QR_MM * mm, height=QR_MM * mm)


def _facts(certificate: Certificate) -> Flowable:
    rows = [
        (
            "Produk / Product",
            f"{_both(certificate.product)} ({certificate.spec.id}, rev {certificate.spec.revision})",
        ),
        ("Kelompok / Group", certificate.group),
        ("Keranjang / Items", str(certificate.size)),
        ("Dibentuk / Formed", _moment(certificate.formed_at)),
        ("Diputuskan / Decided", _moment(certificate.decided_at)),
        ("Model / Model", ", ".join(certificate.models) or "-"),
    ]
    for found in certificate.density:
        figures = f"{found.mean_per_10cm:.1f} ({found.min_per_10cm:.1f} - {found.max_per_10cm:.1f}), n = {found.photos}"
        rows.append((_both(DIRECTIONS[found.direction]), figures))
    return _table([[Paragraph(escape(a), SMALL), Paragraph(escape(b), BODY)] for a, b in rows], [52, 122])


def _plan(certificate: Certificate) -> Flowable:
    head = ["Kelas / Class", "AQL", "n", "Ac", "Re", "Ditemukan / Found"]
    rows = [[Paragraph(f"<b>{escape(cell)}</b>", SMALL) for cell in head]]
    for of in certificate.classes:
        cells = [
            _both(CLASSES[of.plan.severity.value]),
            "-" if of.plan.regime is None else f"{of.plan.aql}, {_both(REGIMES[of.plan.regime])}",
            str(of.plan.n),
            str(of.plan.ac),
            str(of.plan.re),
            str(of.nonconforming),
        ]
        rows.append([Paragraph(escape(cell), BODY) for cell in cells])
    standard = f"{certificate.standard}, {certificate.level}"
    rows.append([Paragraph(escape(standard), SMALL), *[Paragraph("", SMALL)] * 5])
    return _table(rows, [38, 48, 18, 18, 18, 34])


def _rules(certificate: Certificate) -> Flowable:
    rows = [
        [Paragraph(escape(_both(rule.message)), SMALL), Paragraph(f"{rule.holds} / {certificate.size}", BODY)]
        for rule in certificate.rules
    ]
    return _table(rows, [150, 24])


def _photos(thumbnails: Sequence[bytes]) -> list[Flowable]:
    if not thumbnails:
        return []
    drawn: list[Flowable] = [
        Image(io.BytesIO(jpeg), width=THUMBNAIL_MM * mm, height=THUMBNAIL_MM * mm, kind="proportional")
        for jpeg in thumbnails
    ]
    rows = [drawn[start : start + 4] for start in range(0, len(drawn), 4)]
    rows[-1] += [Spacer(1, 1)] * (4 - len(rows[-1]))
    table = Table(rows, hAlign="LEFT", colWidths=[43.5 * mm] * 4)
    table.setStyle(TableStyle([("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return [KeepTogether([Paragraph("Dari sampel / From the sample", HEAD), table])]


def _proof(certificate: Certificate, kid: str, signature: str) -> list[Flowable]:
    lines = [
        f"Nomor / Number: {certificate.id}",
        f"Diterbitkan / Issued: {_moment(certificate.issued_at)}",
        f"Benih sampel / Seed of the sample: {certificate.seed}",
        f"Buku catatan / Ledger: {certificate.head.seq}, {certificate.head.hash}",
        f"Kunci / Key: {kid}",
        f"Tanda tangan / Signature (Ed25519): {signature}",
        f"Periksa di / Check at: {certificate.url}",
    ]
    return [Paragraph(escape(line), SMALL) for line in lines]


def _signers() -> Flowable:
    """Where those sign by hand who answer for the lot: two parties, each for itself."""
    who = [Paragraph(escape(_both(signer)), SMALL) for signer in SIGNERS]
    table = Table([[who[0], "", who[1]]], hAlign="LEFT", colWidths=[80 * mm, 14 * mm, 80 * mm])
    lines = [("LINEABOVE", (column, 0), (column, 0), 0.6, INK) for column in (0, 2)]
    table.setStyle(TableStyle([*lines, ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return table


def _table(rows: Sequence[Sequence[Flowable]], widths_mm: Sequence[float]) -> Flowable:
    table = Table([list(row) for row in rows], hAlign="LEFT", colWidths=[width * mm for width in widths_mm])
    table.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )
    return table


def _both(message: Message) -> str:
    return message.id if message.id == message.en else f"{message.id} / {message.en}"


def _moment(moment: datetime) -> str:
    """To the minute, with the zone: in a village it may be the next day already."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

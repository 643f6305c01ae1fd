"""Data-set layouts that are no single table: a text file for each recording, or speakers told by folders."""

import logging
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from finetune_tts.data.audio_files import TextFinder, walk_files, walk_recordings
from finetune_tts.data.metadata_files import find_metadata
from finetune_tts.data.rows import Row, numbered_lines
from finetune_tts.data.tables import TableFormat
from finetune_tts.errors import UserError, excerpt
from finetune_tts.files import read_text

logger = logging.getLogger(__name__)

_TIMED_LABEL = re.compile(r"^\s*\d+(\.\d+)?\s+\d+(\.\d+)?\s+\S+", re.MULTILINE)  # of HTS and its like
_MAILABS_TABLE = TableFormat("mailabs", "id|text|normalised text", 0, 1, ("{folder}/wavs/{id}",))
_MAILABS_SPEAKER = re.compile(r"by_book/(?:male|female)/([^/]+)/")


def vctk(root: Path, meta_file: str) -> list[Row]:
    """VCTK 0.92: ``txt/p225/p225_001.txt`` beside ``wav48_silence_trimmed/p225/p225_001_mic1.flac``."""
    return _vctk(root, "wav48_silence_trimmed", "_mic1", "VCTK_")


def vctk_old(root: Path, meta_file: str) -> list[Row]:
    """VCTK up to 0.91: ``txt/p225/p225_001.txt`` beside ``wav48/p225/p225_001.wav``."""
    return _vctk(root, "wav48", "", "VCTK_old_")


def _vctk(root: Path, wavs: str, microphone: str, prefix: str) -> list[Row]:
    texts = sorted(root.glob("txt/*/*.txt"))
    if not texts:
        raise UserError(f"{root}: no text files txt/SPEAKER/*.txt, where the vctk layouts have their transcripts.")
    return [
        Row(
            text=_first_line(text),
            audio=(str(root / wavs / text.parent.name / f"{text.stem}{microphone}"),),
            origin=str(text),
            speaker=prefix + text.parent.name,
            speaker_id=text.parent.name,
        )
        for text in texts
    ]


def open_bible(root: Path, meta_file: str) -> list[Row]:
    """Open Bible: ``train/SPEAKER/x.txt`` beside ``x.flac``; sentences with digits, which are references, are left out.

    ``meta_file`` is the name of the split's folder, ``train`` if empty.
    """
    folder = root / (meta_file or "train")
    texts = sorted(folder.glob("*/*.txt"))
    if not texts:
        raise UserError(f"{folder}: no text files SPEAKER/*.txt, where the open_bible layout has its transcripts.")
    rows = [
        Row(
            text=_first_line(text),
            audio=(str(text.with_suffix(".flac")),),
            origin=str(text),
            speaker="OB_" + text.parent.name,
            speaker_id=text.parent.name,
        )
        for text in texts
    ]
    kept = [row for row in rows if not any(map(str.isdigit, row.text))]
    if len(kept) < len(rows):
        logger.info("open_bible: %d sentences that hold digits are left out.", len(rows) - len(kept))
    return kept


def mailabs(root: Path, meta_file: str) -> list[Row]:
    """M-AILABS: ``by_book/female/SPEAKER/BOOK/metadata.csv`` with its ``wavs`` folder; ``meta_file`` may list some."""
    names = [name.strip() for name in meta_file.split(",")] if meta_file else [""]
    rows: list[Row] = []
    for path in [path for name in names for path in find_metadata(root, name, ("**/metadata.csv",))]:
        speaker = _MAILABS_SPEAKER.search(path.as_posix())
        if speaker is None:
            logger.info("%s is not below by_book/male/SPEAKER or by_book/female/SPEAKER and is left out.", path)
            continue
        found = _MAILABS_TABLE.read_file(root, path)
        rows += [replace(row, speaker=speaker[1], speaker_id=speaker[1]) for row in found]
    return rows


def nancy(root: Path, meta_file: str) -> list[Row]:
    """Nancy (Blizzard 2011): lines ``( ID "text" )`` in ``prompts.data``, recordings in ``wavn``."""
    rows: list[Row] = []
    (path,) = find_metadata(root, meta_file, ("prompts.data",))
    for number, line in numbered_lines(path):
        match = re.match(r'\s*\(\s*(\S+)\s+"(.*)"\s*\)?\s*$', line)
        if match is None:
            raise UserError(f'{path}, line {number}: ( ID "text" ) is expected, found {excerpt(line)!r}.')
        audio = (str(root / "wavn" / match[1]),)
        rows.append(Row(match[2].strip(), audio, f"{path}, line {number}", "nancy", "nancy"))
    return rows


def sam_accenture(root: Path, meta_file: str) -> list[Row]:
    """Sam (Accenture): an XML script in ``voice_over_recordings``; ``vo_voice_quality_transformation`` is heard."""
    (path,) = find_metadata(root / "voice_over_recordings", meta_file, ("*.xml",))
    try:
        script = ElementTree.fromstring(read_text(path))
    except (ElementTree.ParseError, ValueError) as error:
        raise UserError(f"{path}: not XML ({error}).") from None
    folder = root / "vo_voice_quality_transformation"
    return [
        Row(
            (entry.text or "").strip(),
            (str(folder / entry.get("id", "")),),
            str(path),
            "sam_accenture",
            "sam_accenture",
        )
        for entry in script.findall("./fileid")
    ]


def synpaflex(root: Path, meta_file: str) -> list[Row]:
    """SynPaFlex: ``…/wav/x.wav`` with ``…/txt/x.txt``, or ``x.wav`` with ``txt/x.txt`` beside it."""
    rows: list[Row] = []
    without_text = 0
    for audio in filter(lambda path: path.suffix.lower() == ".wav", walk_files(root)):
        folders = audio.relative_to(root).parent.parts
        if "wav" in folders:
            text = root.joinpath(*("txt" if folder == "wav" else folder for folder in folders), audio.stem + ".txt")
        else:
            text = audio.parent / "txt" / (audio.stem + ".txt")
        if text.is_file():
            rows.append(Row(_first_line(text), (str(audio),), str(text), "synpaflex", "synpaflex"))
        else:
            without_text += 1
    if without_text:
        logger.info("synpaflex: %d recordings have no text file and are left out.", without_text)
    return rows


def pairs(root: Path, meta_file: str) -> list[Row]:
    """``x.wav`` with ``x.txt`` or ``x.lab``: beside it, or in a neighbouring folder ``txt`` or ``text``.

    Raises:
        UserError: no recordings, or recordings without a text; the first five are named.
    """
    recordings = list(walk_recordings(root))
    if not recordings:
        raise UserError(f"{root}: no recordings for the format pairs (x.wav with x.txt beside it).")
    finder = TextFinder()
    texts = {audio: finder.find(audio) for audio in recordings}
    lacking = [audio for audio, text in texts.items() if text is None]
    if lacking:
        names = ", ".join(str(path.relative_to(root)) for path in lacking[:5])
        raise UserError(
            f"{root}: {len(lacking)} of {len(recordings)} recordings have no text file of the same name: {names}. "
            "Add the texts or move these recordings away."
        )
    return [Row(_transcript(text), (str(audio),), str(text)) for audio, text in texts.items() if text]


def _transcript(path: Path) -> str:
    text = read_text(path)
    if path.suffix.lower() == ".lab" and (timed := _TIMED_LABEL.search(text)):
        raise UserError(
            f"{path}: holds times and phonemes ('{excerpt(timed[0])}'), not what is said. Put the transcript into "
            f"{path.with_suffix('.txt').name}."
        )
    return " ".join(text.split())


def recordings(root: Path, meta_file: str) -> list[Row]:
    """Every recording below the folder, without text: what a vocoder needs."""
    if meta_file:
        raise UserError(f"{root}: the format recordings takes every recording of the folder, and no metadata file.")
    return [Row("", (str(audio),), str(audio)) for audio in walk_recordings(root)]


def voxceleb1(root: Path, meta_file: str) -> list[Row]:
    """VoxCeleb 1: ``…/idSPEAKER/VIDEO/x.wav``, without text (for speaker encoders)."""
    return _voxceleb(root, meta_file, "1")


def voxceleb2(root: Path, meta_file: str) -> list[Row]:
    """VoxCeleb 2: as VoxCeleb 1."""
    return _voxceleb(root, meta_file, "2")


def _voxceleb(root: Path, meta_file: str, edition: str) -> list[Row]:
    if meta_file:
        table = TableFormat(
            f"voxceleb{edition}", "text|path|speaker", 1, None, ("{id}",), speaker="{speaker}", speaker_column=2
        )
        return table.read(root, meta_file)
    rows: list[Row] = []
    for audio in walk_recordings(root):
        speaker = audio.parent.parent.name
        if not speaker.startswith("id"):
            raise UserError(f"{audio}: voxceleb{edition} is laid out idSPEAKER/VIDEO/x.wav; this is below '{speaker}'.")
        rows.append(Row("", (str(audio),), str(audio), f"voxcel{edition}_{speaker}", speaker))
    return rows


def _first_line(path: Path) -> str:
    return read_text(path).lstrip("\n").split("\n", 1)[0].strip()

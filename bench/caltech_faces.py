#!/usr/bin/env python3
"""caltech_faces.py TAR_DIR OUT: the pictures of Caltech-101's class Faces out of tars with members named
caltech/Faces_image_NNNN.webp, as a folder a person, which face_bench reads.

The set numbers pictures of one person in a row; who is on which was found by looking at all of them. Left out: people
with a single picture and drawings.
"""
import pathlib
import re
import sys
import tarfile

# The number of each person's last picture; the first follows the last of the person before.
LAST = (21, 41, 46, 68, 90, 112, 132, 137, 159, 163, 168, 173, 193, 214, 239, 261, 266, 285, 305, 325, 345, 365, 387, 392,
        397, 417, 435)
LEFT_OUT = range(388, 393)


def main(tars, out):
    count = 0
    for path in sorted(pathlib.Path(tars).glob("*.tar")):
        with tarfile.open(path, "r|") as archive:
            for member in archive:
                name = re.fullmatch(r"caltech/Faces_image_(\d{4})\.webp", member.name)
                if not name or int(name[1]) in LEFT_OUT:
                    continue
                person = next(i for i, last in enumerate(LAST) if int(name[1]) <= last)
                folder = pathlib.Path(out) / f"person-{person:02}"
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{name[1]}.webp").write_bytes(archive.extractfile(member).read())
                count += 1
    print(f"{count} pictures in {out}")


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])

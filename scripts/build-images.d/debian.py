"""Files of Debian packages as a layer of an image: programs with the libraries they need, nothing else.

An image's `debian.json` names the suite, the packages, the programs, and other files that are wanted.  What
was fetched is kept in build-images/debian/: from then on the image is built without a network, and the
folder may be copied to a machine that has none.
"""
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import tarfile
import tempfile

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Unavailable(Exception):
    """Neither kept nor to be had."""


def sources(suite):
    mirror = os.environ.get("KALKI_DEBIAN_MIRROR", "http://deb.debian.org")
    return [f"deb {mirror}/debian {suite} main", f"deb {mirror}/debian {suite}-updates main",
            f"deb {mirror}/debian-security {suite}-security main"]


def unpack(wanted, folder):
    """Unpacks the packages and all that they depend on; runs nothing of them."""
    archive = os.path.join(folder, "packages.tar")
    command = ["mmdebstrap", "--quiet", "--variant=extract", "--format=tar", "--keyring=" + KEYRING,
               '--aptopt=Acquire::Retries "3"', '--aptopt=Acquire::http::Timeout "30"',
               "--include=" + ",".join(wanted["packages"]), wanted["suite"], archive,
               *sources(wanted["suite"])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Unavailable("mmdebstrap is not installed") from error
    if done.returncode:
        raise Unavailable(done.stderr.strip())
    root = pathlib.Path(folder, "root")
    with tarfile.open(archive) as tar:
        tar.extractall(root, [member for member in tar if not member.isdev()])
    return root


def inside(root, path):
    """The file that a path of the image leads to: links in there point into there."""
    at = root / path.lstrip("/")
    for _ in range(8):
        if not at.is_symlink():
            return at
        target = os.readlink(at)
        at = root / target[1:] if target.startswith("/") else at.parent / target
    raise Unavailable(f"{path}: too many links")


def elf(file, what):
    return subprocess.run(["readelf", "-W", what, str(file)], capture_output=True, text=True, check=True).stdout


def add_program(files, root, path):
    """The program, what starts it, and its libraries, under the names by which they are looked for."""
    files[path] = inside(root, path)
    loader = re.search(r"interpreter: ([^\]]+)\]", elf(files[path], "-l"))[1].lstrip("/")
    files[loader] = inside(root, loader if (root / loader).exists() else "usr/" + loader)
    todo = [files[path]]
    while todo:
        for name in re.findall(r"\(NEEDED\).*\[([^\]]+)\]", elf(todo.pop(), "-d")):
            found = next(iter(sorted(root.glob(f"usr/lib/*-linux-gnu*/{name}"))), None)
            if found is None:
                raise Unavailable(f"{path} needs {name}, which no package has")
            library = str(found.relative_to(root))
            if library not in files:
                files[library] = inside(root, library)
                todo.append(files[library])


def version(root, package):
    """From the first line of its changelog: `name (version) …`."""
    folder = root / "usr/share/doc" / package
    logs = [str(folder / name) for name in ("changelog.Debian.gz", "changelog.gz")]
    said = subprocess.run(["gzip", "-dcf", *filter(os.path.exists, logs)], capture_output=True, text=True,
                          check=False).stdout
    return (re.match(r"\S+ \(([^)]+)\)", said) or ["", "?"])[1]


def make_layer(wanted):
    """A tar without times and owners, and what is in it in words."""
    with tempfile.TemporaryDirectory(prefix="kalki-debian-") as folder:
        root = unpack(wanted, folder)
        files = {path: inside(root, path) for path in wanted["files"]}
        for program in wanted["programs"]:
            add_program(files, root, program)
        for file in root.glob("usr/share/doc/*/copyright"):
            files[str(file.relative_to(root))] = inside(root, str(file.relative_to(root)))
        room = io.BytesIO()
        with tarfile.open(fileobj=room, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for path, file in sorted(files.items()):
                info = tarfile.TarInfo(path)
                info.size, info.mode = file.stat().st_size, 0o755 if os.access(file, os.X_OK) else 0o644
                with open(file, "rb") as content:
                    tar.addfile(info, content)
        words = " ".join(f"{name}={version(root, name)}" for name in wanted["packages"])
    return room.getvalue(), words


def layer(description, kept, fresh=False):
    """The layer that a debian.json describes, as (tar, words): kept in a folder, made anew if told to."""
    text = pathlib.Path(description).read_bytes()
    key = hashlib.sha256(text + os.uname().machine.encode()).hexdigest()[:16]
    tar, words = kept / f"{key}.tar", kept / f"{key}.json"
    if fresh or not (tar.exists() and words.exists()):
        content, said = make_layer(json.loads(text))
        kept.mkdir(parents=True, exist_ok=True)
        for file, bytes_ in ((tar, content), (words, json.dumps(said).encode())):
            new = file.with_suffix(f".{os.getpid()}")
            new.write_bytes(bytes_)
            new.rename(file)
    return tar.read_bytes(), json.loads(words.read_text())

#!/usr/bin/env python3
"""Fails when a file of src/ includes what its module may not: another module, or a foreign library.

The tables below are the architecture: ARCHITECTURE.md and third_party/README.md explain them, this
enforces them.
"""
import pathlib
import re
import sys

MAY_INCLUDE = {
    "base": set(),
    "os": {"base"},
    "kernels": {"base"},
    "image": {"base"},
    "video": {"base", "image"},
    "query": {"base"},
    "fetch": {"base", "os"},
    "embed": {"base", "os", "image", "video"},
    "index": {"base", "os", "kernels"},
    "store": {"base", "query"},
    "store/embedded": {"base", "os", "query", "index", "store"},
    "store/tidb": {"base", "query", "store"},
    "engine": {"base", "os", "image", "video", "query", "fetch", "embed", "store"},
    "api": {"base", "query", "engine"},
    "mysql": {"base", "os", "query", "store", "engine"},
    "http": {"base", "os", "api"},
    "cli": {"base", "os"},
    "server": {"base", "os", "kernels", "image", "video", "query", "fetch", "embed", "index", "store",
               "store/embedded", "store/tidb", "engine", "api", "mysql", "http", "cli"},
}

# A foreign library is wrapped by the modules named here; no other includes its headers. The pattern is
# matched against what stands between the brackets or quotes of the #include.
WRAPPED_BY = [
    ("simdjson", r"simdjson\.h$", {"base"}),
    ("OpenSSL", r"openssl/", {"base"}),
    ("prometheus-cpp", r"prometheus/", {"base"}),
    ("spdlog", r"(spdlog|fmt)/", {"base"}),
    ("libvips", r"vips/", {"image"}),
    ("libjpeg-turbo", r"(turbojpeg|jpeglib|jconfig|jmorecfg)\.h$", {"image"}),
    ("libwebp", r"webp/", {"image"}),
    ("Little CMS", r"lcms2(_plugin)?\.h$", {"image"}),
    ("libheif", r"libheif/", {"image"}),
    ("FFmpeg", r"lib(av|sw)\w+/", {"video"}),
    ("OpenVINO", r"openvino/", {"embed"}),
    ("ICU", r"unicode/", {"embed"}),
    ("dlib", r"dlib/", {"embed"}),
    ("SQLite", r"sqlite3(ext)?\.h$", {"store/embedded"}),
    ("libcurl", r"curl/", {"fetch"}),
    ("Boost", r"boost/", {"http", "cli"}),
    ("zlib", r"(zlib|zconf)\.h$", {"http", "cli"}),
    ("CLI11", r"CLI/", {"cli", "server"}),
    ("toml++", r"toml\+\+/", {"server"}),
]

# The same for the system's own doors: only os touches files and signals, only those that listen or fetch
# open sockets. Tests may make themselves files, by os or without it.
SYSTEM = [
    ("files", r"(fstream|filesystem|dirent\.h|fcntl\.h|sys/(mman|stat|file|statvfs)\.h)$", {"os"}),
    ("signals", r"(csignal|signal\.h|sys/signalfd\.h)$", {"os"}),
    ("sockets", r"(sys/socket\.h|sys/un\.h|netinet/|arpa/|netdb\.h)", {"fetch", "http", "mysql", "cli"}),
]

MAX_LINES = {".h": 400, ".cc": 800}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def ModuleOf(file):
    """The longest folder of the table that holds the file, else its first folder."""
    named = [m for m in MAY_INCLUDE if file.startswith(m + "/")]
    return max(named, key=len, default=file.split("/")[0])


def Problems(module, name, text):
    """What is wrong with one file's text, each as half a sentence."""
    if module not in MAY_INCLUDE:
        yield f"module {module} is not in the table"
        return
    is_test = re.search(r"_test\.cc$|(^|/)test(ing/|data\.)", name)
    allowed = MAY_INCLUDE[module] | ({"os"} if is_test else set())
    doors = WRAPPED_BY + ([] if is_test else SYSTEM)
    for bracket, include in INCLUDE.findall(text):
        wrapped = next((w for w in doors if re.match(w[1], include)), None)
        if wrapped:
            if module not in wrapped[2]:
                yield f"{module} may not include {include}: {wrapped[0]} is for {' and '.join(sorted(wrapped[2]))}"
            continue
        if bracket == "<":
            continue
        target = ModuleOf(include)
        if "/" not in include or target not in MAY_INCLUDE:
            yield f'"{include}" must be a path from src/'
        elif target != module and target not in allowed:
            yield f"{module} may not include {include}"
    lines = text.count("\n")
    limit = MAX_LINES[pathlib.PurePath(name).suffix]
    if not is_test and lines > limit:
        yield f"{lines} lines, the limit is {limit}"


def SelfTest():
    """A check that cannot fail checks nothing: each rule once on text that breaks it, once on text that does not."""
    bad = [("base", '#include "os/file.h"\n'), ("api", '#include "store/store.h"\n'), ("api", '#include "store.h"\n'),
           ("engine", '#include "store/embedded/sqlite.h"\n'), ("http", "#include <sqlite3.h>\n"),
           ("engine", "#  include <boost/asio.hpp>\n"), ("nowhere", ""), ("cli", '#include "engine/engine.h"\n'),
           ("engine", "#include <fstream>\n"), ("base", "\n" * 801)]
    good = [("os", '#include "base/result.h"\n#include <vector>\n'), ("store/embedded", "#include <sqlite3.h>\n"),
            ("cli", '#include "os/file.h"\n#include <boost/beast.hpp>\n')]
    for module, text in bad:
        assert list(Problems(module, "a.cc", text)), f"not found: {module}: {text!r}"
    assert not list(Problems("api", "api/a_test.cc", '#include "os/file.h"\n#include <fstream>\n'))
    for module, text in good:
        assert not list(Problems(module, "a.cc", text)), f"found wrongly: {module}: {text!r}"


def Main():
    SelfTest()
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "src"
    problems = []
    files = 0
    for path in sorted(root.rglob("*")):
        if path.suffix in MAX_LINES:
            files += 1
            name = path.relative_to(root).as_posix()
            problems += [f"{path}: {problem}" for problem in Problems(ModuleOf(name), name, path.read_text())]
    print("\n".join(problems) or f"layers ok: {files} files, {len(MAY_INCLUDE)} modules, {len(WRAPPED_BY)} libraries")
    sys.exit(bool(problems))


Main()

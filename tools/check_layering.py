#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that dependencies run downwards only.

    core <- backends <- config, service <- daemon, cli        platform beside core

Compares every #include line with the table below: which layers a layer may include and which
libraries it may use. core is standard library only, reads no clock and prints nothing. Byte
order functions and reinterpret_cast stay in core/net and platform. A line that has a good
reason to differ says so, on the line or the one before it: `// layering: reason`. For a
reinterpret_cast the reason that clang-tidy wants anyway will do: `// NOLINT...: reason`.
"""

import os
import re
import sys

sys.dont_write_bytecode = True

from check_common import Problem, TreeTest, code_only, code_without_strings, cpp_files
from check_common import main, read, report

EVERYTHING = None
LAYERS = {
    "core": {"core"},
    "platform": {"core", "platform"},
    "backends": {"core", "backends"},
    "backends/kernel": {"core", "backends", "platform"},
    "config": {"core", "backends", "config"},
    "service": {"core", "platform", "backends", "config", "service"},
    "daemon": {"core", "platform", "backends", "config", "service", "daemon"},
    "clat": {"core", "platform", "backends", "config", "service", "clat"},
    "cli": {"core", "platform", "backends", "config", "service", "daemon", "clat", "cli"},
    "fastpath": {"core", "platform", "fastpath"},
    "interceptor": {"core", "interceptor"},
    "tests": EVERYTHING,
    "fuzz": EVERYTHING,
    "bench": EVERYTHING,
}

# Libraries by the beginning of what is included, and the layers that may use them. What is not
# listed here is free above core.
LIBRARIES = {
    "boost/asio": {"platform", "service", "daemon", "clat", "cli"},
    "boost/json": {"service", "daemon", "clat", "cli"},
    "yaml-cpp": {"config"},
    "spdlog": {"platform", "service", "daemon", "clat", "cli"},
    "CLI/": {"cli"},
    "pcap": {"cli"},
    "ncurses": {"cli"},
    "cap-ng.h": {"platform"},
    "libmnl": {"platform", "backends/kernel"},
    "libnftnl": {"platform", "backends/kernel"},
    "linux/": {"platform", "backends/kernel", "fastpath"},
}

STANDARD = set(
    """algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv
    chrono cinttypes climits cmath compare complex concepts condition_variable coroutine csetjmp
    csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime cwchar deque exception execution
    expected filesystem forward_list fstream functional future initializer_list iomanip ios iosfwd
    iostream istream iterator latch limits list locale map memory memory_resource mutex new
    numbers numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore
    set shared_mutex source_location span sstream stack stdexcept stop_token streambuf string
    string_view system_error thread tuple type_traits typeindex typeinfo unordered_map
    unordered_set utility valarray variant vector version""".split()
)
# Standard, but they do what core must not: input and output, threads, waiting, the environment.
NOT_IN_CORE = set(
    """condition_variable cstdio fstream future iostream mutex random shared_mutex stop_token
    thread csignal filesystem""".split()
)

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
BYTE_ORDER = re.compile(r"\b(htons|htonl|ntohs|ntohl|reinterpret_cast|be16toh|htobe16|bswap_\w+)\b")
CLOCK = re.compile(
    r"\b(\w+_clock::now|clock_gettime|gettimeofday|random_device|getenv|getrandom)\b"
)
ALLOWED = re.compile(r"//\s*layering:\s*\S+")
ALLOWED_CAST = re.compile(r"//\s*NOLINT(?:NEXTLINE)?\([\w-]*reinterpret-cast\):\s*\S+")


def layer_of(path):
    """The longest entry of LAYERS that the path lies in."""
    parts = path.split("/")
    for count in (2, 1):
        name = "/".join(parts[:count])
        if len(parts) > count and name in LAYERS:
            return name
    return None


def is_allowed(lines, index, reason=ALLOWED):
    return any(reason.search(line) for line in lines[max(0, index - 1) : index + 1])


def project_include(layer, target):
    if target.endswith(".cpp"):
        return "a .cpp file is never included"
    top = layer_of(target)
    if top is None:
        return f'"{target}" is not rooted at the repository ("core/x.hpp")'
    allowed = LAYERS[layer]
    if allowed is EVERYTHING or top in allowed or top.split("/")[0] in allowed:
        return None
    return f"{layer} may not include {top} ({target}); it may include {', '.join(sorted(allowed))}"


def library_include(layer, target):
    if layer == "core":
        if target not in STANDARD:
            return f"core is standard library only, <{target}> is not"
        if target in NOT_IN_CORE:
            return f"core does no input or output, has no threads and no clock: <{target}>"
    if LAYERS[layer] is EVERYTHING:
        return None
    for beginning, layers in LIBRARIES.items():
        if target.startswith(beginning) and not {layer, layer.split("/")[0]} & layers:
            return f"<{target}> belongs to {', '.join(sorted(layers))}, not to {layer}"
    return None


def check_file(path, text):
    layer = layer_of(path)
    if layer is None:
        return [Problem(path, 1, "lies in no layer; extend LAYERS in tools/check_layering.py")]
    lines = text.split("\n")
    found = []
    for index, line in enumerate(code_only(text).split("\n")):
        match = INCLUDE.match(line)
        if not match:
            continue
        own, library = match.groups()
        trouble = project_include(layer, own) if own else library_include(layer, library)
        if trouble and not is_allowed(lines, index):
            found.append(Problem(path, index + 1, trouble))
    if LAYERS[layer] is not EVERYTHING:
        found += check_words(path, layer, lines, code_without_strings(text).split("\n"))
    return found


def check_words(path, layer, lines, code):
    found = []
    for index, line in enumerate(code):
        word = BYTE_ORDER.search(line)
        at_home = layer == "platform" or path.startswith("core/net/")
        if word and not at_home and not is_allowed(lines, index, ALLOWED_CAST):
            found.append((index, f"{word[0]} belongs to core/net and platform"))
        word = CLOCK.search(line)
        if word and layer == "core":
            found.append((index, f"{word[0]}: core takes time and randomness as arguments"))
    return [Problem(path, i + 1, text) for i, text in found if not is_allowed(lines, i)]


def check(root, _arguments):
    paths = list(cpp_files(root))
    problems = []
    for path in paths:
        problems += check_file(path.replace(os.sep, "/"), read(root, path))
    return report("check_layering", problems, f"{len(paths)} files, no edge upwards")


class SelfTest(TreeTest):
    def lines(self, path, text):
        return [(p.line, p.text) for p in check_file(path, text)]

    def refused(self, path, text, why):
        found = self.lines(path, text)
        self.assertEqual(len(found), 1, found)
        self.assertIn(why, found[0][1])

    def accepted(self, path, text):
        self.assertEqual(self.lines(path, text), [])

    def test_upward_include_is_refused(self):
        self.refused("core/x.cpp", '#include "config/config.hpp"\n', "core may not include config")
        self.refused("backends/userspace/x.cpp", '#include "platform/x.hpp"\n', "may not include")
        self.refused("config/x.cpp", '#include "service/x.hpp"\n', "may not include service")
        self.refused("daemon/x.cpp", '#include "cli/x.hpp"\n', "may not include cli")

    def test_downward_include_is_accepted(self):
        self.accepted("backends/userspace/x.cpp", '#include "core/net/address.hpp"\n')
        self.accepted("backends/kernel/x.cpp", '#include "platform/netlink.hpp"\n')
        self.accepted("daemon/x.cpp", '#include "service/x.hpp"\n#include <boost/asio/x.hpp>\n')

    def test_tests_may_include_anything(self):
        self.accepted("tests/core/x.cpp", '#include "daemon/app.hpp"\n#include <boost/asio.hpp>\n')

    def test_core_is_standard_library_only(self):
        for header in ("boost/asio.hpp", "spdlog/spdlog.h", "unistd.h", "sys/uio.h", "linux/ip.h"):
            self.refused("core/x.hpp", f"#include <{header}>\n", "standard library only")
        self.refused("core/x.hpp", "#include <mutex>\n", "no threads")
        self.accepted("core/x.hpp", "#include <array>\n#include <cstdint>\n")

    def test_asio_stays_above_backends(self):
        self.refused("backends/x.cpp", "#include <boost/asio/post.hpp>\n", "belongs to")
        self.refused("config/x.cpp", "#include <boost/asio/post.hpp>\n", "belongs to")
        self.refused("service/x.cpp", "#include <yaml-cpp/yaml.h>\n", "belongs to config")

    def test_relative_and_source_includes_are_refused(self):
        self.refused("core/x.cpp", '#include "x.hpp"\n', "not rooted")
        self.refused("tests/x.cpp", '#include "core/x.cpp"\n', "never included")

    def test_byte_order_stays_in_core_net_and_platform(self):
        self.refused("core/rfc6052.cpp", "auto p = htons(1);\n", "htons belongs")
        self.refused("service/x.cpp", "auto p = reinterpret_cast<int*>(q);\n", "reinterpret_cast")
        self.accepted("core/net/x.cpp", "auto p = reinterpret_cast<int*>(q);\n")
        self.accepted("platform/x.cpp", "auto p = htons(1);\n")
        self.accepted("core/x.cpp", '// htons is not used here\nauto s = "ntohl";\n')

    def test_a_cast_that_clang_tidy_was_told_about_is_accepted(self):
        lint = "// NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)"
        cast = "auto p = reinterpret_cast<int*>(q);\n"
        self.accepted("service/x.cpp", f"{lint}: the socket API\n{cast}")
        self.refused("service/x.cpp", f"{lint}\n{cast}", "reinterpret_cast")

    def test_core_reads_no_clock(self):
        self.refused("core/x.cpp", "auto t = std::chrono::steady_clock::now();\n", "arguments")
        self.accepted("platform/x.cpp", "auto t = std::chrono::steady_clock::now();\n")

    def test_a_reason_allows_it(self):
        self.accepted("core/x.cpp", "#include <immintrin.h> // layering: prefetch\n")
        self.accepted("core/x.cpp", "// layering: prefetch\n#include <immintrin.h>\n")
        self.refused("core/x.cpp", "#include <immintrin.h> // layering:\n", "standard library")

    def test_unknown_directory_is_refused(self):
        self.refused("kern/x.cpp", "int x;\n", "no layer")


if __name__ == "__main__":
    sys.exit(main("check_layering", __doc__, check))

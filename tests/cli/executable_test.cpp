// SPDX-License-Identifier: Apache-2.0
// The executable as a person meets it: exit codes, and what is said on which stream.
#include "tests/cli/capture_file.hpp"

#include <array>
#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

using namespace nat64;

namespace {

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

/// Runs `nat64 ARGUMENTS` by the shell in an empty directory.
class Shell {
public:
    Outcome run(const std::string& arguments) {
        const auto out = dir / "stdout";
        const auto err = dir / "stderr";
        const auto command = "( cd '" + (dir / ".").string() + "' && '" NAT64_EXECUTABLE "' " +
                             arguments + " ) >'" + out.string() + "' 2>'" + err.string() + "'";
        // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, and a fixed command
        const auto status = std::system(command.c_str());
        const auto code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        return {code, test::read_text(out), test::read_text(err)};
    }

    test::ScratchDir dir;
};

struct Case {
    const char* arguments;
    int code;
    const char* out; ///< somewhere in it; nullptr: nothing at all
    const char* err;
};

} // namespace

TEST_CASE("nat64: exit codes, and where things are said") {
    Shell shell;
    test::write_text(shell.dir / "good.yaml", "pool: [8.8.8.0/28]\n");
    test::write_text(shell.dir / "bad.yaml", "version: 1\npool: [8.8.8.0/28]\ntun: {nme: x}\n");
    test::write_text(shell.dir / "text", "no capture\n");
    test::write_capture(shell.dir / "in.pcap",
                        {{std::chrono::seconds{5}, test::pattern(60), {}}});
    const std::array cases = std::to_array<Case>({
        {"--help", 0, "replay", nullptr},
        {"run --help", 0, "--config", nullptr},
        {"version", 0, "nat64 " NAT64_VERSION, nullptr},
        {"check --nft -c good.yaml", 2, nullptr, "napt: daemon translates without nftables"},
        {"--version", 0, "nat64 " NAT64_VERSION, nullptr},
        {"", 2, nullptr, "nat64: A subcommand is required; see `nat64 --help`"},
        {"chekc", 2, nullptr, "nat64: there is no verb 'chekc'; did you mean `nat64 check`?"},
        {"frobnicate", 2, nullptr, "nat64: there is no verb 'frobnicate'; see `nat64 --help`"},
        {"--frobnicate", 2, nullptr, "nat64: "},
        {"check --frobnicate", 2, nullptr, "see `nat64 check --help`"},
        {"check -c good.yaml", 0, "wkp_strict: true", nullptr},
        {"check -c good.yaml >/dev/full", 1, nullptr, "nat64: cannot write to standard output"},
        {"check -c bad.yaml", 2, nullptr, "nat64: bad.yaml:3:7: tun.nme: unknown key 'nme'"},
        {"check -c none.yaml", 2, nullptr, "nat64: none.yaml: cannot open it: No such file"},
        {"check -c .", 2, nullptr, "nat64: .: is a directory"},
        {"check -c ''", 2, nullptr, "is empty: name a file"},
        {"log-level foo", 2, nullptr, "nat64 log-level: level must be"},
        {"show sessions --client 2001:db8::5/64", 2, nullptr, "(host bits zero)"},
        {"explain 8.8.8.8 -c good.yaml >/dev/full", 1, nullptr, "cannot write to standard"},
        {"run -c bad.yaml", 2, nullptr, "did you mean 'name'?"},
        {"replay in.pcap -c good.yaml", 2, nullptr, "nat64: "},
        {"replay -w out.pcap -c good.yaml", 2, nullptr, "nat64: IN is required"},
        {"replay in.pcap -w out.pcap -c good.yaml --json", 0, nullptr, "\"frames\":1"},
        {"replay in.pcap -w in.pcap -c good.yaml", 2, nullptr, "name another file with -w"},
        {"replay in.pcap -w o -c good.yaml --until 5", 2, nullptr, "as in +10s"},
        {"replay in.pcap -w o -c good.yaml --hop-limit x", 2, nullptr, "decrement or kernel"},
        {"replay text -w o -c good.yaml", 1, nullptr, "it has to be a pcap or pcapng capture"},
        {"replay in.pcap -w /dev/full -c good.yaml",
         1,
         nullptr,
         "nat64: /dev/full: cannot write"},
        {"show status --socket ./none.sock", 1, nullptr, "no daemon is running"},
        {"follow --socket ./none.sock", 1, nullptr, "no daemon is running"},
        {"follow banana", 2, nullptr, "only for events, bindings, sessions"},
        {"follow --client banana", 2, nullptr, "--client must be an IPv6 prefix"},
        {"follow --server 192.0.2.1", 2, nullptr, "--server means nothing to follow events"},
        {"generate unbound -c good.yaml", 0, "dns64-prefix: 64:ff9b::/96", nullptr},
        {"generate unbound -c bad.yaml", 2, nullptr, "did you mean 'name'?"},
        {"generate bash -c bad.yaml", 0, "complete -F _nat64 nat64", nullptr},
        {"generate dnsmasq", 2, nullptr, "generate: there is no 'dnsmasq'; there are unbound|"},
    });
    for (const auto& c : cases) {
        const std::string arguments{c.arguments};
        CAPTURE(arguments);
        const auto outcome = shell.run(c.arguments);
        CAPTURE(outcome.out);
        CAPTURE(outcome.err);
        CHECK(outcome.code == c.code);
        if (c.out == nullptr)
            CHECK(outcome.out.empty());
        else
            CHECK(outcome.out.find(c.out) != std::string::npos);
        if (c.err == nullptr)
            CHECK(outcome.err.empty());
        else
            CHECK(outcome.err.find(c.err) != std::string::npos);
    }
}

TEST_CASE("nat64 check: what it prints is a configuration that it accepts, unchanged") {
    Shell shell;
    test::write_text(shell.dir / "a.yaml",
                     "pool: [8.8.8.0/28, {address: 9.9.9.9, ports: 1000-2000}]\n"
                     "static: [{ipv6: 2001:db8::1, ipv4: 8.8.8.1}]\n");
    const auto first = shell.run("check -c a.yaml");
    REQUIRE(first.code == 0);
    test::write_text(shell.dir / "b.yaml", first.out);
    const auto second = shell.run("check -c b.yaml");
    REQUIRE(second.code == 0);
    const auto without_title = [](const std::string& text) {
        return text.substr(text.find('\n'));
    };
    CHECK(without_title(first.out) == without_title(second.out));
}

TEST_CASE("nat64: a reader that goes away ends a verb without a word") {
    Shell shell;
    test::write_text(shell.dir / "good.yaml", "pool: [8.8.8.0/28]\n");
    const auto outcome = shell.run("check -c good.yaml | true");
    CHECK(outcome.err.empty());
}

// SPDX-License-Identifier: Apache-2.0
// `nat64 show` against a real control server with made-up tables.
#include "cli/show.hpp"
#include "tests/service/fake_daemon.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace nat64::cli {

namespace json = boost::json;
using test::FakeDaemon;

namespace {

struct Shown {
    int code = 0;
    std::string out;
    std::string err;
};

Shown run(const ShowOptions& options) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = show(options, out, err);
    return {code, out.str(), err.str()};
}

ShowOptions options(const FakeDaemon& daemon, const std::string& what) {
    ShowOptions made;
    made.what = what;
    made.socket = daemon.socket();
    return made;
}

std::size_t lines(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("show bindings: an aligned table") {
    const FakeDaemon daemon{{.rows = 3}};
    const Shown shown = run(options(daemon, "bindings"));
    CHECK(shown.code == 0);
    CHECK(shown.err == "");
    CHECK(shown.out == "PROTOCOL  CLIENT                 MAPPED          SESSIONS  KIND\n"
                       "tcp       [2001:db8:0:1::]:1024  192.0.2.0:1024         0  static\n"
                       "udp       [2001:db8::1]:1025     192.0.2.1:1025         1  dynamic\n"
                       "icmp      [2001:db8::2]:1026     192.0.2.2:1026         2  dynamic\n");
}

TEST_CASE("show sessions: durations and sizes are for people") {
    const FakeDaemon daemon{{.rows = 5000}};
    ShowOptions wanted = options(daemon, "sessions");
    wanted.client = "2001:db8::3e9"; // row 1001
    const Shown shown = run(wanted);
    CHECK(shown.code == 0);
    CHECK(has(shown.out, "STATE"));
    CHECK(has(shown.out, "\nicmp "));
    CHECK(has(shown.out, "198.51.100.233:443"));
    CHECK(has(shown.out, "1m40s     1001  1.0 MB\n"));
    CHECK(lines(shown.out) == 2);
}

TEST_CASE("show pool, drops, status, config: pages for people") {
    FakeDaemon daemon;
    std::ignore = daemon.counters.drop(DropReason::NoBinding);
    const Shown pool = run(options(daemon, "pool"));
    CHECK(has(pool.out, "192.0.2.0  tcp       64512   100   0.2%          2        7\n"));
    const Shown drops = run(options(daemon, "drops"));
    CHECK(drops.out == "PACKETS  REASON      MEANING\n"
                       "      1  no_binding  IPv4 packet for a transport address without "
                       "binding\n");
    const Shown status = run(options(daemon, "status"));
    CHECK(status.out.starts_with("nat64 " NAT64_VERSION ", process "));
    CHECK(has(status.out, ", up 4m12s\n"));
    CHECK(has(status.out, "pool        192.0.2.0/28 (1 address)\n"));
    CHECK(has(status.out, "tun         nat64 (segmentation offload: TCP)\n"));
    CHECK(has(status.out, "\nicmp "));
    const Shown config = run(options(daemon, "config"));
    CHECK(config.code == 0);
    CHECK(has(config.out, "prefix: 64:ff9b::/96\n"));
}

TEST_CASE("show: an empty table says so, a cut one too") {
    const FakeDaemon daemon{{.rows = 20}};
    ShowOptions none = options(daemon, "sessions");
    none.client = "2001:db8:ffff::/48";
    CHECK(run(none).out == "no sessions\n");
    ShowOptions some = options(daemon, "sessions");
    some.limit = 7;
    const Shown shown = run(some);
    CHECK(lines(shown.out) == 9);
    CHECK(shown.out.ends_with("... and more (--limit)\n"));
    CHECK(run(options(daemon, "drops")).out == "no drops\n");
}

TEST_CASE("show --count: a number alone, or in JSON") {
    const FakeDaemon daemon{{.rows = 3000}};
    ShowOptions wanted = options(daemon, "bindings");
    wanted.count = true;
    wanted.protocol = "udp";
    CHECK(run(wanted).out == "1000\n");
    wanted.json = true;
    CHECK(run(wanted).out == "{\"count\":1000}\n");
}

TEST_CASE("show --json: every listing is one document under its own name") {
    FakeDaemon daemon{{.rows = 10}};
    for (const char* what : {"bindings", "sessions", "pool", "drops"}) {
        CAPTURE(what);
        ShowOptions wanted = options(daemon, what);
        wanted.json = true;
        wanted.all = wanted.what == "drops";
        const Shown shown = run(wanted);
        CHECK(shown.code == 0);
        const json::value document = json::parse(shown.out);
        CHECK_FALSE(document.at(what).as_array().empty());
        CHECK(document.at("truncated") == false);
    }
    ShowOptions empty = options(daemon, "sessions");
    empty.json = true;
    empty.client = "2001:db8:ffff::/48";
    CHECK(json::parse(run(empty).out) == json::parse(R"({"sessions":[],"truncated":false})"));
    empty.client.clear();
    empty.limit = 3;
    const json::value cut = json::parse(run(empty).out);
    CHECK(cut.at("sessions").as_array().size() == 3);
    CHECK(cut.at("truncated") == true);
}

TEST_CASE("show --json: status and config are the object itself") {
    FakeDaemon daemon;
    for (const char* what : {"status", "config"}) {
        ShowOptions wanted = options(daemon, what);
        wanted.json = true;
        CHECK(json::parse(run(wanted).out).is_object());
    }
}

TEST_CASE("show --json: a hundred thousand rows are one valid document") {
    const FakeDaemon daemon{{.rows = 100'000}};
    ShowOptions wanted = options(daemon, "sessions");
    wanted.json = true;
    const json::value document = json::parse(run(wanted).out);
    CHECK(document.at("sessions").as_array().size() == 100'000);
    CHECK(document.at("sessions").at(99'999).at("bytes") == 99'999'000);
}

TEST_CASE("show: wrong usage is exit code 2, names the option and asks no daemon") {
    struct Case {
        const char* what;
        std::string ShowOptions::* member;
        const char* value;
        const char* message;
    };

    const Case cases[] = {
        {"sessions",
         &ShowOptions::client,
         "192.0.2.1",
         "nat64 show: --client must be an IPv6 prefix (host bits zero) or address, "
         "such as \"2001:db8::/64\"\n"},
        {"sessions",
         &ShowOptions::server,
         "2001:db8::/32",
         "nat64 show: --server must be an IPv4 prefix (host bits zero) or address, "
         "such as \"192.0.2.0/24\"\n"},
        {"sessions",
         &ShowOptions::protocol,
         "sctp",
         "nat64 show: --protocol must be \"tcp\", \"udp\" or \"icmp\"\n"},
        {"bindings",
         &ShowOptions::server,
         "192.0.2.1",
         "nat64 show: --server means nothing to show bindings\n"},
        {"status",
         &ShowOptions::client,
         "2001:db8::/32",
         "nat64 show: --client means nothing to show status\n"},
        {"cats",
         &ShowOptions::client,
         "",
         "nat64 show: show cannot be asked for \"cats\", only for status, bindings, sessions, "
         "clients, pool, drops, config\n"},
    };
    for (const Case& c : cases) {
        ShowOptions wanted;
        wanted.what = c.what;
        wanted.socket = "/nonexistent/nat64.sock";
        wanted.*c.member = c.value;
        const Shown shown = run(wanted);
        CHECK(shown.code == 2);
        CHECK(shown.err == c.message);
        CHECK(shown.out.empty());
    }
    ShowOptions nothing;
    nothing.what = "sessions";
    nothing.limit = 0;
    CHECK(run(nothing).err == "nat64 show: --limit must be a whole number, at least 1\n");
}

TEST_CASE("show: no daemon is exit code 1 and says what to do, nothing on standard output") {
    const test::TempDir dir;
    ShowOptions wanted;
    wanted.what = "sessions";
    wanted.json = true;
    wanted.socket = dir.path() / "none.sock";
    const Shown missing = run(wanted);
    CHECK(missing.code == 1);
    CHECK(missing.out.empty());
    CHECK(has(missing.err, "no daemon is running: there is no socket"));
    CHECK(has(missing.err, "nat64 run"));
    CHECK(has(missing.err, "--socket"));
    {
        boost::asio::io_context io;
        const boost::asio::local::stream_protocol::acceptor dead{io, wanted.socket.native()};
    }
    const Shown dead = run(wanted);
    CHECK(dead.code == 1);
    CHECK(has(dead.err, "no daemon is running: nobody listens on"));
}

namespace {

/// A daemon that answers every request with the same bytes and hangs up.
class Impostor {
public:
    explicit Impostor(std::string answer)
        : acceptor_{io_, (dir_.path() / "x.sock").native()},
          thread_{[this, answer = std::move(answer)] {
              auto client = acceptor_.accept();
              char request[4096];
              std::ignore = client.read_some(boost::asio::buffer(request));
              boost::asio::write(client, boost::asio::buffer(answer));
          }} {}

    ~Impostor() { thread_.join(); }

    [[nodiscard]] ShowOptions options(const std::string& what, bool as_json) const {
        ShowOptions made;
        made.what = what;
        made.json = as_json;
        made.socket = dir_.path() / "x.sock";
        return made;
    }

private:
    test::TempDir dir_;
    boost::asio::io_context io_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    std::thread thread_;
};

constexpr const char* kItem = R"({"id":1,"item":{"protocol":"tcp"}})"
                              "\n";

} // namespace

TEST_CASE("show --json: a daemon that fails in the middle leaves a valid document and exit 1") {
    const Impostor daemon{std::string{kItem} +
                          R"({"id":1,"done":true,"error":{"code":"internal","message":"oh"}})"
                          "\n"};
    const Shown shown = run(daemon.options("sessions", true));
    CHECK(shown.code == 1);
    CHECK(shown.err == "nat64 show: oh\n");
    CHECK(json::parse(shown.out) ==
          json::parse(R"({"sessions":[{"protocol":"tcp"}],"truncated":true,)"
                      R"("error":{"code":"internal","message":"oh"}})"));
}

TEST_CASE("show --json: a daemon that dies in the middle is noticed") {
    const Impostor daemon{std::string{kItem} + R"({"id":1,"it)"};
    const Shown shown = run(daemon.options("sessions", true));
    CHECK(shown.code == 1);
    CHECK(has(shown.err, "the daemon hung up before its answer was complete"));
    CHECK(json::parse(shown.out).at("error").at("code") == "disconnected");
}

TEST_CASE("show: what was read before the daemon died is printed") {
    const Impostor daemon{kItem};
    const Shown shown = run(daemon.options("bindings", false));
    CHECK(shown.code == 1);
    CHECK(lines(shown.out) == 2);
    CHECK(has(shown.out, "tcp"));
}

TEST_CASE("show: somebody else's socket is not understood, with exit code 1") {
    for (const char* answer : {"hello\n",
                               "[]\n",
                               "{\"id\":1,\"item\":7}\n",
                               "{\"done\":true,\"error\":7}\n",
                               "SSH-2.0-OpenSSH\n"}) {
        const Impostor daemon{answer};
        const Shown shown = run(daemon.options("sessions", false));
        CHECK(shown.code == 1);
        CHECK(has(shown.err, "did not understand the daemon"));
    }
}

TEST_CASE("show: members that the daemon does not have are empty, new ones do not matter") {
    const Impostor daemon{R"({"id":1,"item":{"protocol":"udp","colour":{"r":1}}})"
                          "\n"
                          R"({"id":1,"done":true,"more":[]})"
                          "\n"};
    const Shown shown = run(daemon.options("sessions", false));
    CHECK(shown.code == 0);
    CHECK(has(shown.out, "udp"));
}

TEST_CASE("show: a full disk is an error, a reader that went away is not") {
    const FakeDaemon daemon{{.rows = 5000}};
    std::ofstream full{"/dev/full"};
    std::ostringstream err;
    CHECK(show(options(daemon, "sessions"), full, err) == 1);
    CHECK(err.str() == "nat64 show: write: No space left on device\n");
}

TEST_CASE("show: strangers are told which group to join") {
    if (::geteuid() == 0) return; // root may connect to anything
    const FakeDaemon daemon;
    std::filesystem::permissions(daemon.socket(), std::filesystem::perms::none);
    const Shown shown = run(options(daemon, "status"));
    CHECK(shown.code == 1);
    CHECK(has(shown.err, "is for root"));
}

} // namespace nat64::cli

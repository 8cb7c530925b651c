// SPDX-License-Identifier: Apache-2.0
// Replay as a whole: captures in, captures out, through the real translator and backend.
#include "cli/capture_reader.hpp"
#include "cli/replay.hpp"
#include "cli/usage_error.hpp"
#include "config/load.hpp"
#include "tests/cli/capture_file.hpp"
#include "tests/support/check_packet.hpp"
#include "tests/support/packet_builder.hpp"

#include <chrono>
#include <sstream>

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::cli;
using namespace std::chrono_literals;
using test::CapturedFrame;
using test::ipv4;
using test::ipv6;

namespace {

constexpr auto kEpoch = 1'700'000'000s;
constexpr auto kClient = "2001:db8::c";
constexpr auto kServer6 = "2001:db8:64::203.0.113.7";
constexpr auto kServer4 = "203.0.113.7";

/// A directory with in and out, and what a replay of the one into the other did.
class Bench {
public:
    explicit Bench(std::string_view config = "pool: [192.0.2.0/28]\nprefix: 2001:db8:64::/96\n"
                                             "gateway: {ipv4: 192.0.2.1}\n")
        : config_{config::parse(config)} {
        options.input = dir / "in.pcap";
        options.output = dir / "out.pcap";
        options.json = true;
    }

    std::vector<CapturedFrame> run(const std::vector<CapturedFrame>& frames,
                                   int link_type = DLT_RAW) {
        test::write_capture(options.input, frames, link_type);
        std::ostringstream out;
        replay(options, config_, out);
        summary = boost::json::parse(out.str()).as_object();
        return test::read_capture(options.output).frames;
    }

    [[nodiscard]] std::uint64_t count(const char* key) const {
        return summary.at(key).to_number<std::uint64_t>();
    }

    /// By JSON pointer.
    [[nodiscard]] std::uint64_t at(const char* pointer) const {
        return boost::json::value(summary).at_pointer(pointer).to_number<std::uint64_t>();
    }

    [[nodiscard]] std::uint64_t dropped(const char* reason) const {
        const auto& drops = summary.at("drops").as_object();
        return drops.contains(reason) ? drops.at(reason).to_number<std::uint64_t>() : 0;
    }

    test::ScratchDir dir;
    ReplayOptions options;
    boost::json::object summary;

private:
    config::Config config_;
};

test::PacketBuilder query() {
    return ipv6(kClient, kServer6).udp(4000, 53).payload(20);
}

/// The answer to a query that left as `mapped`.
test::PacketBuilder answer_to(test::View mapped) {
    const auto source = Ipv4Addr{test::get32(mapped, 12)};
    return ipv4(kServer4, source).udp(53, test::get16(mapped, 20)).payload(30);
}

} // namespace

TEST_CASE("replay: both directions of a flow are translated, at the times of the capture") {
    Bench bench;
    const auto first = bench.run({{kEpoch, query().bytes(), {}}});
    REQUIRE(first.size() == 1);
    CHECK(first[0].time == kEpoch);
    CHECK(test::get8(first[0].bytes, 0) == 0x45);
    CHECK(test::check_packet(first[0].bytes) == "");

    // The same seed gives the same port, so the answer can be made from the first run.
    const auto both = bench.run({{kEpoch, query().bytes(), {}},
                                 {kEpoch + 40ms + 1ns, answer_to(first[0].bytes).bytes(), {}}});
    REQUIRE(both.size() == 2);
    CHECK(both[0].bytes == first[0].bytes);
    CHECK(both[1].time == kEpoch + 40ms + 1ns);
    const auto expected = ipv6(kServer6, kClient).hop_limit(63).udp(53, 4000).payload(30);
    CHECK(test::hex(both[1].bytes) == test::hex(expected.bytes()));
    CHECK(bench.count("frames") == 2);
    CHECK(bench.count("written") == 2);
    CHECK(bench.at("/translated/inbound/udp/packets") == 1);
    CHECK(bench.at("/sessions_created/udp") == 1);
}

TEST_CASE("RFC 7915 §5.1: replay counts the hop itself unless the kernel did") {
    Bench bench;
    const std::vector<CapturedFrame> frames{{kEpoch, query().hop_limit(10).bytes(), {}}};
    CHECK(test::get8(bench.run(frames).at(0).bytes, 8) == 9);
    bench.options.hop_policy = rfc7915::HopPolicy::KernelForwards;
    CHECK(test::get8(bench.run(frames).at(0).bytes, 8) == 10);
    bench.options.hop_policy = rfc7915::HopPolicy::Decrement;
    const auto expired = bench.run({{kEpoch, query().hop_limit(1).bytes(), {}}});
    REQUIRE(expired.size() == 1);
    CHECK(test::get8(expired[0].bytes, 40) == 3); // ICMPv6 time exceeded
    CHECK(bench.dropped("hop_limit_exceeded") == 1);
}

TEST_CASE("replay: the seed decides every random choice") {
    Bench bench;
    std::vector<CapturedFrame> frames;
    for (unsigned port = 1000; port < 1050; ++port)
        frames.push_back({kEpoch + port * 1ms,
                          ipv6(kClient, kServer6).udp(port, 53).payload(9).bytes(),
                          {}});
    const auto once = bench.run(frames);
    const auto file = test::read_text(bench.options.output);
    CHECK(once.size() == frames.size());
    (void)bench.run(frames);
    CHECK(test::read_text(bench.options.output) == file);
    bench.options.seed = 2;
    (void)bench.run(frames);
    CHECK(test::read_text(bench.options.output) != file);
}

TEST_CASE(
    "RFC 6146 §3.5.2.2: timers fire at their virtual times, also behind the last packet") {
    Bench bench{"pool: [192.0.2.5]\nprefix: 2001:db8:64::/96\nfiltering: address-dependent\n"};
    const auto syn = ipv6(kClient, kServer6).tcp(4000, 80, 0x02);
    const auto mapped = bench.run({{kEpoch, syn.bytes(), {}}}).at(0).bytes;
    // Another host's SYN to the binding is stored for six seconds, then answered with 3/3.
    const auto stranger =
        ipv4("203.0.113.9", "192.0.2.5").tcp(5000, test::get16(mapped, 20), 0x02);
    const std::vector<CapturedFrame> frames{{kEpoch, syn.bytes(), {}},
                                            {kEpoch + 1s, stranger.bytes(), {}}};
    CHECK(bench.run(frames).size() == 1);

    bench.options.run_on = 10s;
    const auto run_on = bench.run(frames);
    REQUIRE(run_on.size() == 2);
    CHECK(run_on[1].time >= kEpoch + 7s);
    CHECK(run_on[1].time <= kEpoch + 7s + 200ms);
    CHECK(test::get8(run_on[1].bytes, 20) == 3);
    CHECK(test::get8(run_on[1].bytes, 21) == 3);
    CHECK(bench.summary.at("seconds").to_number<double>() == doctest::Approx(11));

    // A later packet moves the clock as well, and what it passes happens before it.
    bench.options.run_on = 0s;
    auto longer = frames;
    longer.push_back({kEpoch + 60s, query().bytes(), {}});
    const auto passed = bench.run(longer);
    REQUIRE(passed.size() == 3);
    CHECK(passed[1].time <= kEpoch + 7s + 200ms);
    CHECK(passed[2].time == kEpoch + 60s);
}

TEST_CASE("replay: a session is gone after its timeout of virtual time") {
    Bench bench;
    const auto mapped = bench.run({{kEpoch, query().bytes(), {}}}).at(0).bytes;
    const auto answer_after = [&](std::chrono::nanoseconds delay) {
        return bench
            .run({{kEpoch, query().bytes(), {}},
                  {kEpoch + delay, answer_to(mapped).bytes(), {}}})
            .at(1)
            .bytes;
    };
    CHECK(test::get8(answer_after(299s), 0) == 0x60);
    // RFC 6146 §3.5.1.2: who sends to no binding is told so.
    CHECK(test::get8(answer_after(301s), 0) == 0x45);
    CHECK(bench.dropped("no_binding") == 1);
    CHECK(bench.at("/sessions_deleted/udp") == 1);
    CHECK(test::get8(answer_after(240h), 0) == 0x45);
}

TEST_CASE("replay: times may go backwards, the clock does not") {
    Bench bench;
    const auto out = bench.run({{kEpoch + 5s, query().bytes(), {}},
                                {kEpoch + 6s, query().bytes(), {}},
                                {kEpoch + 4s, query().bytes(), {}},
                                {kEpoch + 7s, query().bytes(), {}}});
    REQUIRE(out.size() == 4);
    CHECK(out[0].time == kEpoch + 5s);
    CHECK(out[2].time == kEpoch + 6s);
    CHECK(out[3].time == kEpoch + 7s);
}

TEST_CASE("replay: the link type makes no difference") {
    Bench bench;
    const auto expected = bench.run({{kEpoch, query().bytes(), {}}});

    struct Link {
        int type;
        const char* header;
    };

    for (const auto& link :
         {Link{DLT_IPV6, ""},
          Link{DLT_EN10MB, "020000000001 020000000002 86dd"},
          Link{DLT_EN10MB, "020000000001 020000000002 8100 0005 86dd"},
          Link{DLT_LINUX_SLL, "0000 0001 0006 0200000000010000 86dd"},
          Link{DLT_LINUX_SLL2, "86dd 0000 00000002 0001 00 06 0200000000010000"},
          Link{DLT_NULL, "0a000000"},
          Link{DLT_LOOP, "0000001c"}}) {
        CAPTURE(link.type);
        auto frame = test::unhex(link.header);
        test::append(frame, query().bytes());
        CHECK(bench.run({{kEpoch, frame, {}}}, link.type) == expected);
        // Ethernet pads short frames.
        test::append(frame, test::unhex("000000000000"));
        CHECK(bench.run({{kEpoch, frame, {}}}, link.type) == expected);
    }
}

TEST_CASE("replay: what cannot be replayed is left out and counted") {
    Bench bench;
    const auto header = test::unhex("020000000001 020000000002 86dd");
    auto good = header;
    test::append(good, query().bytes());
    auto too_long = header;
    test::append(too_long, ipv6(kClient, kServer6).udp(1, 2).payload(65000).bytes());
    too_long.resize(14 + 65536);
    const auto out =
        bench.run({{kEpoch, good, {}},
                   {kEpoch + 1s, test::unhex("ffffffffffff 020000000002 0806 0001 0800"), {}},
                   {kEpoch + 2s, good, 1514},
                   {kEpoch + 3s, too_long, {}},
                   {kEpoch + 4s, good, {}}},
                  DLT_EN10MB);
    CHECK(out.size() == 2);
    CHECK(bench.count("frames") == 5);
    CHECK(bench.count("not_ip") == 1);
    CHECK(bench.count("truncated") == 1);
    CHECK(bench.count("too_long") == 1);
    CHECK(bench.count("received") == 2);
}

TEST_CASE("replay: offloaded checksums and super-packets leave complete") {
    Bench bench;
    for (const auto& packet :
         {query().partial_checksum(),
          ipv6(kClient, kServer6).tcp(4000, 80, 0x02).partial_checksum(),
          ipv6(kClient, kServer6).udp(4000, 443).payload(20000).segmented(1200)}) {
        const auto out = bench.run({{kEpoch, packet.bytes(), {}}});
        REQUIRE(out.size() == 1);
        CHECK(out[0].bytes.size() == packet.bytes().size() - 20);
        CHECK(test::check_packet(out[0].bytes) == "");
    }
    const auto out = bench.run(
        {{kEpoch, ipv6(kClient, kServer6).tcp(4000, 80, 0x02).bytes(), {}},
         {kEpoch + 1s,
          ipv6(kClient, kServer6).tcp(4000, 80).payload(60000).segmented(1400).bytes(),
          {}}});
    REQUIRE(out.size() == 2);
    CHECK(out[1].bytes.size() == 60040);
    CHECK(test::check_packet(out[1].bytes) == "");
}

TEST_CASE("replay: the table for a person shows what is not zero") {
    Bench bench;
    bench.options.json = false;
    test::write_capture(bench.options.input,
                        {{kEpoch, query().bytes(), {}},
                         {kEpoch, ipv4("203.0.113.9", "198.51.100.1").udp(1, 2).bytes(), {}}});
    std::ostringstream out;
    replay(
        bench.options, config::parse("pool: [192.0.2.0/28]\nprefix: 2001:db8:64::/96\n"), out);
    const auto text = out.str();
    CHECK(text.find("translated outbound udp") != std::string::npos);
    CHECK(text.find("dropped not_in_pool") != std::string::npos);
    CHECK(text.find("truncated") == std::string::npos);
    CHECK(text.find("0.000000 seconds of virtual time") != std::string::npos);
}

TEST_CASE("replay: impossible requests and damaged captures are refused") {
    Bench bench;
    bench.options.output = bench.options.input;
    test::write_capture(bench.options.input, {});
    CHECK_THROWS_AS(bench.run({}), UsageError);
    bench.options.output = bench.dir / "out.pcap";
    CHECK(bench.run({}).empty());
    CHECK_THROWS_WITH_AS(
        bench.run({{1s, query().bytes(), {}}, {kEpoch, query().bytes(), {}}}),
        doctest::Contains("packet 2 is dated more than ten years behind the first"),
        CaptureError);
}

TEST_CASE("replay: --until takes a duration with a plus") {
    CHECK(parse_until("+10s") == 10s);
    CHECK(parse_until("+1h5m") == 65min);
    for (const auto* const text : {"10s", "+", "+10", "", "+-5s", "12:00"}) {
        CAPTURE(text);
        CHECK_THROWS_AS((void)parse_until(text), UsageError);
    }
}

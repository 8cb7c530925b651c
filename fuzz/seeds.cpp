// SPDX-License-Identifier: Apache-2.0
// Writes the seeds of all targets: `fuzz_seeds DIRECTORY [EXAMPLES]` makes DIRECTORY/TARGET/
// seed-*. Packets are the packet builder's, configurations those of examples/, messages of the
// kernel's as it sent them. What fuzzing has found since lies beside them in corpus/.
#include "fuzz/script.hpp"
#include "fuzz/world.hpp"
#include "tests/cli/capture_file.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/rng.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace nat64;
using namespace nat64::fuzz;
using namespace nat64::test;

class Corpus {
public:
    Corpus(const std::filesystem::path& root, const char* target) : path_{root / target} {
        std::filesystem::create_directories(path_);
    }

    void add(View bytes) {
        std::ofstream stream{path_ / ("seed-" + std::to_string(++count_)), std::ios::binary};
        for (const auto byte : bytes)
            stream.put(static_cast<char>(byte));
    }

    void add(std::string_view text) { add(std::as_bytes(std::span{text})); }

    void add(const Script& script) { add(encode(script)); }

    [[nodiscard]] std::filesystem::path next() {
        return path_ / ("seed-" + std::to_string(++count_));
    }

private:
    std::filesystem::path path_;
    unsigned count_ = 0;
};

Step step(const PacketBuilder& packet, std::uint8_t pause = 1) {
    Step step;
    step.pause = pause;
    step.packet = packet.bytes();
    step.offload = packet.offload();
    step.has_offload = step.offload.partial_checksum;
    return step;
}

Step answer(const PacketBuilder& packet, std::uint8_t pause = 1) {
    auto made = step(packet, pause);
    made.aim = Step::Aim::Answer;
    return made;
}

// ---- packets, by direction; the world's static host is 3fff::6, 198.51.100.6 ----

PacketBuilder outbound(unsigned host = 1) {
    const auto client6 = Ipv6Addr::from_halves(0x3fff'0000'0000'0000, host);
    return ipv6(client6, "64:ff9b::192.0.2.1");
}

PacketBuilder back6() {
    return ipv6("64:ff9b::192.0.2.1", "3fff::1");
}

PacketBuilder inbound() {
    return ipv4("192.0.2.1", "198.51.100.6");
}

PacketBuilder back4() {
    return ipv4("198.51.100.6", "192.0.2.1");
}

std::vector<PacketBuilder> packets6() {
    const auto label = unhex("00 08 01 01 12 34 51 40");
    const auto quoted = back6().udp(53, 4000).payload(60);
    return {
        outbound().udp(4000, 53).payload(40),
        outbound().udp(4000, 53).payload(0).hop_limit(1),
        outbound().tcp(4000, 53, 2).tcp_options(unhex("02 04 05 a0")),
        outbound().tcp(4000, 53, 2).payload(100).partial_checksum(),
        outbound().tcp(4000, 53, 2).payload(5000).segmented(1400),
        outbound().udp(4000, 53).payload(5000).segmented(1200),
        outbound().extension(0).routing(0).extension(60).echo_request(4000).payload(20),
        outbound().routing(1).udp(4000, 53).payload(8),
        outbound().echo_request(7).payload(1400),
        outbound().udp(4000, 53).payload(1480),
        outbound().extension(0).fragment(0, true, 5).udp(4000, 53).payload(48),
        outbound().fragment(64, false, 5).udp(4000, 53).payload(48),
        outbound().fragment(0, false, 5).udp(4000, 53).payload(48),
        outbound().icmp(1, 4).payload(quoted.bytes()).extensions(label),
        outbound().icmp(2, 0, 1280).payload(quoted.bytes()),
        outbound().icmp(4, 0, 6).payload(back6().tcp(53, 4000).bytes()),
        outbound().icmp(3, 0).payload(back6().echo_reply(4000).bytes()),
        outbound().icmp(135, 0).payload(16),
        outbound().protocol(1).payload(16),
        outbound().protocol(59),
        ipv6("3fff::1", "64:ff9b::198.51.100.6").udp(4000, 53).payload(20),
        ipv6("3fff::6", "64:ff9b::198.51.100.6").tcp(4000, 80, 2),
        ipv6("64:ff9b::1", "64:ff9b::192.0.2.1").udp(1, 2),
        ipv6("3fff::1", "64:ff9b::127.0.0.1").udp(1, 2),
    };
}

std::vector<PacketBuilder> packets4() {
    const auto label = unhex("00 08 01 01 12 34 51 40");
    const auto quoted = back4().options(unhex("94 04 00 00")).udp(61000, 53).payload(60);
    return {
        inbound().udp(53, 61000).payload(40),
        inbound().udp(53, 61000).payload(1400).checksum(0),
        inbound().udp(53, 61000).payload(1472),
        inbound().udp(53, 61000).payload(1472).dont_fragment(),
        inbound().options(unhex("83 07 08 c0 00 02 05 00")).tcp(53, 61000).payload(8),
        inbound().tcp(53, 61000, 2).tcp_options(unhex("02 04 05 b4")).hop_limit(1),
        inbound().tcp(53, 61000, 0x12).payload(8000).segmented(1448),
        inbound().udp(53, 61000).payload(8000).segmented(1200),
        inbound().udp(53, 61000).payload(100).partial_checksum(),
        inbound().fragment(0, true, 5).udp(53, 61000).payload(1464),
        inbound().fragment(1480, false, 5).udp(53, 61000).payload(100),
        inbound().echo_request(61000).payload(100),
        inbound().echo_reply(61000).payload(1472),
        inbound().icmp(11, 0).payload(quoted.bytes()).extensions(label),
        inbound().icmp(3, 4, 1400).payload(quoted.bytes()),
        inbound().icmp(3, 4, 0).payload(quoted.bytes()),
        inbound().icmp(12, 0, 9U << 24).payload(back4().tcp(61000, 53).bytes()),
        inbound().icmp(3, 3).payload(back4().echo_request(61000).bytes()),
        inbound().icmp(3, 3).payload(back4().icmp(3, 3).payload(quoted.bytes()).bytes()),
        inbound().icmp(13, 0).payload(12),
        inbound().protocol(58).payload(16),
        inbound().protocol(47).payload(16),
        ipv4("192.0.2.1", "198.51.100.1").udp(5, 53).payload(20),
        ipv4("192.0.2.1", "198.51.100.1").tcp(5, 80, 2),
        ipv4("192.0.2.1", "198.51.100.1").tcp(5, 1100, 2),
    };
}

// ---- lives: several packets of a flow ----

Script tcp_life(std::uint8_t world) {
    const auto here = [](unsigned flags) {
        return outbound().tcp(4000, 443, flags).payload(20);
    };
    const auto there = [](unsigned flags) {
        return inbound().tcp(443, 4000, flags).payload(20);
    };
    return {world,
            {step(here(0x02)),
             answer(there(0x12)),
             step(here(0x10)),
             answer(there(0x10), 40),
             step(here(0x11)),
             answer(there(0x11)),
             step(here(0x04), 30)}};
}

Script simultaneous_open(std::uint8_t world) {
    return {world,
            {step(ipv4("192.0.2.1", "198.51.100.0").tcp(443, 1100, 2)),
             step(outbound().tcp(4000, 443, 2)),
             answer(inbound().tcp(443, 4000, 0x12)),
             step(outbound().tcp(4000, 443, 4))}};
}

Script udp_life(std::uint8_t world) {
    return {world,
            {step(outbound().udp(4000, 53).payload(30)),
             answer(inbound().udp(53, 4000).payload(200)),
             answer(inbound().udp(53, 4000).payload(200).checksum(0), 35),
             step(outbound().udp(4000, 123).payload(48), 38)}};
}

/// One batch of neighbours, out to a server and in to the static host.
Script burst(std::uint8_t world) {
    Script script{world, {step(outbound().udp(4000, 53).payload(30))}};
    for (unsigned size = 1; size < 6; ++size) {
        const auto server = ipv4("192.0.2.1", "198.51.100.6");
        script.steps.push_back(step(outbound().udp(4000, 53).payload(size), 0));
        script.steps.push_back(step(outbound().tcp(4000, 443, 0x10).payload(size), 0));
        script.steps.push_back(step(PacketBuilder{server}.udp(53, 4000).payload(size), 0));
    }
    return script;
}

Script in_pieces(const PacketBuilder& packet, std::uint8_t world) {
    Script script{world, {}};
    for (auto& piece : packet.in_pieces(512, 77)) {
        Step made;
        made.packet = std::move(piece);
        script.steps.insert(script.steps.begin(), std::move(made));
    }
    return script;
}

void packets(const std::filesystem::path& root) {
    Corpus parse{root, "packet_parse"};
    Corpus round_trip{root, "round_trip"};
    Corpus plain{root, "plain"};
    Corpus out{root, "translate_6to4"};
    Corpus in{root, "translate_4to6"};
    for (const auto& packet : packets6()) {
        parse.add(Script{0, {step(packet)}});
        round_trip.add(Script{0, {step(packet)}});
        out.add(Script{0, {step(packet)}});
    }
    for (const auto& packet : packets4()) {
        parse.add(Script{0, {step(packet)}});
        in.add(Script{0, {step(packet)}});
    }
    for (const std::uint8_t world :
         {std::uint8_t{0}, kKernel, kAddressDependent, kTightLimits}) {
        out.add(tcp_life(world));
        out.add(udp_life(world));
        out.add(simultaneous_open(world));
        plain.add(tcp_life(world));
        plain.add(udp_life(world));
        plain.add(burst(world));
    }
    out.add(in_pieces(outbound().udp(4000, 53).payload(1400), 0));
    out.add(in_pieces(outbound().echo_request(9).payload(1400), kSmallMtu));
    in.add(in_pieces(inbound().udp(53, 4000).payload(1400).checksum(0), 0));
    in.add(in_pieces(inbound().echo_request(9).payload(1400), kDecrement));
}

void streams(const std::filesystem::path& root) {
    for (const char* target : {"tables", "ports", "timers", "hosts", "fragments"}) {
        Corpus corpus{root, target};
        for (std::uint64_t seed = 1; seed <= 3; ++seed)
            corpus.add(Random{seed}.bytes(400 * seed));
    }
}

// ---- text and messages ----

void texts(const std::filesystem::path& root, const std::filesystem::path& examples) {
    Corpus config{root, "config"};
    for (const auto& entry : std::filesystem::directory_iterator{examples})
        if (entry.path().extension() == ".yaml") config.add(read_text(entry.path()));
    config.add(
        "version: 1\npool: [192.0.2.1]\nprefix: {within: 2001:db8::/64, suffix: 0:64}\n");
    config.add("napt: kernel\ninner_pool: 100.64.0.0/16\nconntrack_ipv6: notrack\n");
    config.add("pool:\n  - {address: 192.0.2.7, ports: 20000-39999}\nstatic:\n"
               "  - {protocol: tcp, ipv6: \"[2001:db8::5]:80\", ipv4: \"192.0.2.2:80\"}\n");
    config.add("timeouts: {udp: 1s, tcp_established: 2h4m, unsafe: true}\npool: [192.0.2.1]\n");
    Corpus control{root, "control"};
    control.add(R"({"v":1,"verb":"show","what":"status"})");
    control.add(R"({"v":1,"id":"a","verb":"show","what":"sessions","client":"2001:db8::/64",)"
                R"("server":"192.0.2.0/24","protocol":"udp","limit":2,"cursor":"sessions:5"})");
    control.add(R"({"v":1,"id":7,"verb":"show","what":"bindings","mapped":"192.0.2.1",)"
                R"("count":true,"all":false})");
    control.add(R"({"v":1,"verb":"show","what":"\u00e9\n","x":[1,{"y":null}]})");
}

void captures(const std::filesystem::path& root) {
    Corpus corpus{root, "capture"};
    const auto udp = outbound().udp(4000, 53).payload(30).bytes();
    const auto back = inbound().udp(53, 61000).payload(30).bytes();
    write_capture(corpus.next(), {{std::chrono::seconds{1}, udp, {}}, {{}, back, {}}});
    auto ethernet = unhex("02 00 00 00 00 01 02 00 00 00 00 02 81 00 00 07 86 dd");
    append(ethernet, udp);
    write_capture(corpus.next(), {{{}, ethernet, {}}}, DLT_EN10MB);
    auto cooked = unhex("00 04 00 01 00 06 02 00 00 00 00 01 00 00 08 00");
    append(cooked, back);
    write_capture(corpus.next(), {{{}, cooked, 4000}}, DLT_LINUX_SLL);
    // pcapng: section header, interface (raw IP), one enhanced packet.
    auto ng = unhex("0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000"
                    "01000000 14000000 65000000 00000400 14000000"
                    "06000000 3c000000 00000000 00000000 00000000 1c000000 1c000000"
                    "4500001c 00000000 40110000 c0000201 c6336406 0035ee48 00080000 3c000000");
    corpus.add(ng);
}

/// RTM_NEWADDR, RTM_NEWROUTE and three of conntrack's, as a little-endian kernel sends them.
void messages(const std::filesystem::path& root) {
    Corpus corpus{root, "netlink"};
    corpus.add(unhex("2c000000 14000200 01000000 01000000 02180000 02000000"
                     "08000100 c0000201 08000200 c0000201 08000800 80000000"));
    corpus.add(unhex("34000000 18000200 01000000 01000000 0a400000 fe030001 00000000"
                     "14000100 20010db8000000000000000000000000 08000400 02000000"));
    corpus.add(unhex(
        "0c01000000012200010000000b4e0000020000003400018014000180080001006440000508000200cb0071"
        "051c000280050001000600000006000200177000000600030000500000340002801400018008000100cb00"
        "710508000200c00002011c00028005000100060000000600020000500000060003009c4800000800030000"
        "00019e080008000000000008000c0005a807d808000b0000000001080007000006977f300004802c000180"
        "0500010003000000050002000a000000050003000a000000060004002300000006000500230000001c0009"
        "800c00010000000000000000020c00020000000000000000701c000a800c00010000000000000000010c00"
        "0200000000000000003c"));
    corpus.add(unhex(
        "dc00000000012200010000000b4e0000020000003400018014000180080001006440000508000200cb0071"
        "051c000280050001001100000006000200138800000600030000350000340002801400018008000100cb00"
        "710508000200c00002011c00028005000100110000000600020000350000060003009c4a00000800030000"
        "000198080008000000000008000c00032ba0b508000b0000000001080007000000001d1c0009800c000100"
        "00000000000000010c000200000000000000001d1c000a800c00010000000000000000000c000200000000"
        "00000000"));
}

/// A number as cereal writes it on a little-endian machine.
template <typename Number>
void put(std::string& stream, Number number) {
    for (std::size_t i = 0; i < sizeof number; ++i)
        stream += static_cast<char>(number >> 8 * i & 0xff);
}

/// What nat64 asked nat64-machine, recorded: name and fields, each a message of its own.
void requests(const std::filesystem::path& root) {
    const std::pair<std::string_view, std::string_view> asked[] = {
        {"addresses", ""},
        {"routes", ""},
        {"link_names", ""},
        {"link_name", "04000000"},
        {"find_link", "0500000000000000 6e61743634"},
        {"set_up_link", "04000000 dc050000 00200000"},
        {"add_route", "01000000 0064ff9b000000000000000000000000 60 04000000"},
        {"add_route", "00000000 00004064 10 04000000"},
        {"delete_route", "00000000 00004064 11 04000000"},
        {"sysctl", "1300000000000000 6e65742e697076342e69705f666f7277617264"},
        {"set_sysctl",
         "1300000000000000 6e65742e697076342e69705f666f7277617264 0100000000000000 31"},
        {"set_table",
         "0500000000000000 6e61743634 0064ff9b000000000000000000000000 60 00004064 10"
         "0100000000000000 0080 ffff 00b864d945000000 00a08e42c4060000 00601de137000000"
         "005847f80d000000 00bca06501000000 4d000000 00000000 00 00 00"},
        {"restore_table", ""},
        {"begin_flows", ""},
        {"next_flows", "0100000000000000"},
        {"begin_flows", ""},
        {"count_flows", "0200000000000000"},
        {"end_flows", "0200000000000000"},
        {"forget_flows",
         "0100000000000000 01 00 f7714064 c7ac 017100cb c7ac 0a7100cb 0700"
         "2b01000000000000 0000000000000000 0000000000000000"},
    };
    Corpus corpus{root, "machine"};
    std::string all;
    for (const auto& [name, fields] : asked) {
        std::string message;
        put(message, std::uint64_t{name.size()});
        message += name;
        for (const auto byte : unhex(fields))
            message += static_cast<char>(byte);
        std::string framed;
        put(framed, static_cast<std::uint32_t>(message.size()));
        framed += message;
        corpus.add(framed);
        all += framed;
    }
    corpus.add(all);
}

} // namespace

int main(int argc, char** argv) {
    const std::span arguments{argv, static_cast<std::size_t>(argc)};
    if (argc != 3) {
        std::cerr << "usage: fuzz_seeds DIRECTORY EXAMPLES\n";
        return 2;
    }
    try {
        const std::filesystem::path root{arguments[1]};
        packets(root);
        streams(root);
        texts(root, arguments[2]);
        captures(root);
        messages(root);
        requests(root);
    } catch (const std::exception& error) {
        std::cerr << "fuzz_seeds: " << error.what() << '\n';
        return 1;
    }
}

// SPDX-License-Identifier: Apache-2.0
// A step is: pause, flags, size (two bytes), with kOffload six bytes of Offload, the packet.
#include "fuzz/script.hpp"

#include "fuzz/input.hpp"
#include "tests/support/mend.hpp"
#include "tests/support/rng.hpp"

#include <algorithm>
#include <utility>

namespace nat64::fuzz {

namespace {

using test::append;
using test::append16;
using test::append8;
using test::Bytes;
using test::View;

constexpr unsigned kAnswer = 1;
constexpr unsigned kOffload = 2;
constexpr std::size_t kMaxSteps = 64;
constexpr std::size_t kGrowth = 256;

Offload read_offload(Input& input) {
    Offload offload;
    const unsigned kind = input.byte();
    offload.segmentation = static_cast<Segmentation>(kind % 3);
    offload.tcp_cwr = (kind & 4U) != 0;
    offload.partial_checksum = (kind & 8U) != 0;
    offload.segment_size = input.word();
    offload.checksum_start = input.word();
    offload.checksum_offset = input.byte();
    return offload;
}

void write_offload(Bytes& to, const Offload& offload) {
    // The lowest number that is the segmentation modulo 3 and has the two bits.
    const unsigned bits = (offload.tcp_cwr ? 4U : 0U) | (offload.partial_checksum ? 8U : 0U);
    unsigned kind = bits;
    while (kind % 3 != static_cast<unsigned>(offload.segmentation) || (kind & 12U) != bits)
        ++kind;
    append8(to, kind);
    append16(to, offload.segment_size);
    append16(to, offload.checksum_start);
    append8(to, offload.checksum_offset);
}

Bytes changed(Bytes packet, const MutateBytes& mutate_bytes, test::Random& random) {
    const auto size = packet.size();
    packet.resize(std::min(size + kGrowth, kMaxPacket));
    packet.resize(mutate_bytes(packet, size));
    if (!random.one_in(4)) test::mend_lengths(packet);
    if (!random.one_in(8)) test::mend_checksums(packet);
    return packet;
}

void mutate_step(Step& step, const MutateBytes& mutate_bytes, test::Random& random) {
    switch (random.between(0, 9)) {
    case 0:
        step.pause = static_cast<std::uint8_t>(random.bits());
        break;
    case 1:
        step.aim = step.aim == Step::Aim::Answer ? Step::Aim::AsItIs : Step::Aim::Answer;
        break;
    case 2:
        step.has_offload = !random.one_in(4);
        step.offload.segmentation = static_cast<Segmentation>(random.between(0, 2));
        step.offload.partial_checksum = !random.one_in(3);
        step.offload.segment_size = static_cast<std::uint16_t>(random.between(0, 1500));
        step.offload.checksum_start = random.one_in(2) ? 40 : 20;
        step.offload.checksum_offset = random.one_in(2) ? 16 : 6;
        break;
    default:
        step.packet = changed(std::move(step.packet), mutate_bytes, random);
    }
}

} // namespace

Clock::duration pause_of(std::uint8_t pause) noexcept {
    if (pause == 0) return {};
    // 1 ms, then half as much again for each: 28 is a minute, 45 more than two hours.
    auto length = std::chrono::duration<double>{0.001};
    for (unsigned i = 0; i < pause % 46U; ++i)
        length *= 1.5;
    return std::chrono::duration_cast<Clock::duration>(length);
}

Script decode(View bytes) {
    Input input{bytes};
    Script script;
    script.world = input.byte();
    while (!input.empty() && script.steps.size() < kMaxSteps) {
        Step step;
        step.pause = input.byte();
        const auto flags = input.byte();
        step.aim = (flags & kAnswer) != 0 ? Step::Aim::Answer : Step::Aim::AsItIs;
        step.has_offload = (flags & kOffload) != 0;
        const auto size = input.word();
        if (step.has_offload) step.offload = read_offload(input);
        const auto packet = input.bytes(size);
        step.packet.assign(packet.begin(), packet.end());
        script.steps.push_back(std::move(step));
    }
    return script;
}

Bytes encode(const Script& script) {
    Bytes bytes;
    append8(bytes, script.world);
    for (const auto& step : script.steps) {
        append8(bytes, step.pause);
        append8(bytes,
                (step.aim == Step::Aim::Answer ? kAnswer : 0U) |
                    (step.has_offload ? kOffload : 0U));
        append16(bytes, static_cast<unsigned>(step.packet.size()));
        if (step.has_offload) write_offload(bytes, step.offload);
        append(bytes, step.packet);
    }
    return bytes;
}

Script mutate(Script script, const MutateBytes& mutate_bytes, unsigned seed) {
    test::Random random{seed};
    auto& steps = script.steps;
    if (steps.empty()) steps.emplace_back();
    const auto at = random.between(0, steps.size() - 1);
    const auto other = random.between(0, steps.size() - 1);
    const auto place = steps.begin() + static_cast<std::ptrdiff_t>(other);
    switch (random.between(0, 15)) {
    case 0:
        script.world = static_cast<std::uint8_t>(random.bits());
        break;
    case 1:
        steps.insert(place, Step{steps[at]});
        break;
    case 2:
        if (steps.size() > 1) steps.erase(place);
        break;
    case 3:
        std::swap(steps[at], steps[other]);
        break;
    default:
        mutate_step(steps[at], mutate_bytes, random);
    }
    return script;
}

} // namespace nat64::fuzz

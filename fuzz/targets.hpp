// SPDX-License-Identifier: Apache-2.0
// The fuzz targets. Each takes any bytes at all and either returns or has found a fault: by a
// sanitizer, by an assertion, or by an exception (oracle::Broken) that says what must hold and
// does not. A target is a plain function, so that libfuzzer.cpp can drive it with new inputs
// and replay.cpp, without libFuzzer and as part of the ordinary tests, with those of corpus/.
#pragma once

#include "tests/support/bytes.hpp"

namespace nat64::fuzz {

using test::View;

/// Parsing of one packet: offsets within bounds and as a plain reading finds them.
void packet_parse(View input);
/// A script of packets through the whole Translator; the corpora are about either direction.
void translate_6to4(View input);
void translate_4to6(View input);
/// The same by the straight way of plain packets and by the general one.
void plain(View input);
/// IPv6 to IPv4 and back: what comes back is what was sent.
void round_trip(View input);
/// A packet in pieces, in any order, some twice, some lost, some overlapping.
void fragments(View input);
/// Streams of operations, beside the oracles of tests/oracle.
void tables(View input);
void ports(View input);
void timers(View input);
void hosts(View input);
/// Text that people and programs hand us.
void config(View input);
void control(View input);
void capture(View input);
void netlink(View input);
/// What a packet process that has been taken over sends to the one that keeps privileges.
void machine(View input);

} // namespace nat64::fuzz

// SPDX-License-Identifier: Apache-2.0
// Makes a packet that was changed at random plausible again, so that it gets past the first
// check: lengths that fit, checksums that are right. What cannot be made out is left alone.
#pragma once

#include "tests/support/bytes.hpp"

namespace nat64::test {

/// Total or payload length, and the length of UDP in a packet that is no fragment.
void mend_lengths(Bytes& packet);

/// IPv4 header checksum, and that of TCP, UDP and ICMP in a packet that is no fragment. A UDP
/// checksum of zero over IPv4 stays.
void mend_checksums(Bytes& packet);

} // namespace nat64::test

// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/nft_counters.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <string_view>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/object.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

namespace nat64::kernel::nft {

namespace {

struct FreeObject {
    void operator()(nftnl_obj* object) const noexcept { nftnl_obj_free(object); }
};

using ObjectPtr = std::unique_ptr<nftnl_obj, FreeObject>;

ObjectPtr new_object() {
    ObjectPtr object{nftnl_obj_alloc()};
    if (!object) throw std::bad_alloc{};
    return object;
}

} // namespace

std::vector<std::byte> encode_counters_query(const std::string& table, std::uint32_t sequence) {
    constexpr std::size_t kSpace = 512; // a name has 255 characters at most
    std::vector<std::byte> bytes(kSpace);
    auto* header = nftnl_nlmsg_build_hdr(static_cast<char*>(static_cast<void*>(bytes.data())),
                                         NFT_MSG_GETOBJ,
                                         NFPROTO_INET,
                                         NLM_F_DUMP,
                                         sequence);
    const auto wanted = new_object();
    nftnl_obj_set_str(wanted.get(), NFTNL_OBJ_TABLE, table.c_str());
    nftnl_obj_set_u32(wanted.get(), NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
    nftnl_obj_nlmsg_build_payload(header, wanted.get());
    bytes.resize(header->nlmsg_len);
    return bytes;
}

std::optional<CountedDrops> parse_counter(const nlmsghdr& message) {
    const auto object = new_object();
    if (nftnl_obj_nlmsg_parse(&message, object.get()) < 0 ||
        !nftnl_obj_is_set(object.get(), NFTNL_OBJ_NAME) ||
        !nftnl_obj_is_set(object.get(), NFTNL_OBJ_CTR_PKTS))
        return std::nullopt;
    const std::string_view name = nftnl_obj_get_str(object.get(), NFTNL_OBJ_NAME);
    const auto* const found = std::ranges::find(kDropReasons, name, &DropReasonInfo::label);
    if (found == kDropReasons.end()) return std::nullopt;
    return CountedDrops{static_cast<DropReason>(found - kDropReasons.begin()),
                        nftnl_obj_get_u64(object.get(), NFTNL_OBJ_CTR_PKTS)};
}

} // namespace nat64::kernel::nft

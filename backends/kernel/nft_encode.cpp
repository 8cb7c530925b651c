// SPDX-License-Identifier: Apache-2.0
// Every rule works with register 1: load, perhaps mask, compare; what does not hold ends the
// rule. The order of expressions is nft's own, so that `nft list` reads them back.
#include "backends/kernel/nft_encode.hpp"

#include "backends/kernel/nft_types.hpp"
#include "core/net/bytes.hpp"
#include "core/net/transport.hpp"
#include "core/verdict.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <variant>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>

#include <linux/in.h> // IWYU pragma: keep (IPPROTO_TCP)
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

namespace nat64::kernel::nft {

namespace {

constexpr std::uint32_t kIpv4AddressType = 7; ///< nft's number of `type ipv4_addr`
constexpr std::uint8_t kPacketFiltered = 13;  ///< ICMP code (RFC 1812 §5.2.7.1)
constexpr std::size_t kMessageSpace = 4096;

template <typename T, void (*Free)(const T*)>
struct FreeConst {
    void operator()(T* p) const noexcept { Free(p); }
};

using TablePtr = std::unique_ptr<nftnl_table, FreeConst<nftnl_table, nftnl_table_free>>;
using ChainPtr = std::unique_ptr<nftnl_chain, FreeConst<nftnl_chain, nftnl_chain_free>>;
using RulePtr = std::unique_ptr<nftnl_rule, FreeConst<nftnl_rule, nftnl_rule_free>>;
using SetPtr = std::unique_ptr<nftnl_set, FreeConst<nftnl_set, nftnl_set_free>>;
using ObjectPtr = std::unique_ptr<nftnl_obj, FreeConst<nftnl_obj, nftnl_obj_free>>;

template <typename T>
T* checked(T* made) {
    if (made == nullptr) throw std::bad_alloc{};
    return made;
}

nftnl_expr* expression(const char* name) {
    return checked(nftnl_expr_alloc(name));
}

std::uint8_t number_of(L4Proto protocol) {
    assert(protocol != L4Proto::Icmp);
    return protocol == L4Proto::Tcp ? std::uint8_t{IPPROTO_TCP} : std::uint8_t{IPPROTO_UDP};
}

constexpr std::uint32_t state_bit(unsigned info) noexcept {
    return 1U << (info % IP_CT_IS_REPLY + 1);
}

class RuleEncoder {
public:
    explicit RuleEncoder(nftnl_rule* rule) : rule_{rule} {}

    void operator()(const Interface& match) {
        std::array<char, kNameSpace> name{};
        std::memcpy(
            name.data(), match.name.data(), std::min(match.name.size(), name.size() - 1));
        load_meta(match.way == Way::In ? NFT_META_IIFNAME : NFT_META_OIFNAME);
        compare(match.is, name);
    }

    void operator()(Family family) {
        load_family(family == Family::Ipv4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
    }

    void operator()(const Address4& match) {
        load_family(NFPROTO_IPV4);
        load_payload(NFT_PAYLOAD_NETWORK_HEADER, match.end == End::Source ? 12 : 16, 4);
        std::array<std::uint8_t, 4> address{};
        const Be32 wire{match.prefix.address().bits()};
        std::memcpy(address.data(), &wire, sizeof wire);
        compare_prefix(address, match.prefix.length());
    }

    void operator()(const Address6& match) {
        load_family(NFPROTO_IPV6);
        load_payload(NFT_PAYLOAD_NETWORK_HEADER, match.end == End::Source ? 8 : 24, 16);
        compare_prefix(match.prefix.address().bytes(), match.prefix.length());
    }

    void operator()(const Transport& match) {
        load_meta(NFT_META_L4PROTO);
        compare(Is::Equal, number_of(match.protocol));
    }

    void operator()(const SourcePorts& match) {
        (*this)(Transport{match.protocol});
        load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2);
        if (match.ports.first == match.ports.last) {
            compare(Is::Equal, Be16{match.ports.first.value()});
            return;
        }
        compare(NFT_CMP_GTE, Be16{match.ports.first.value()});
        compare(NFT_CMP_LTE, Be16{match.ports.last.value()});
    }

    void operator()(const NewFlow&) { new_without(IPS_CONFIRMED); }

    void operator()(const UnknownFlow&) {
        load_ct(NFT_CT_STATE);
        mask(state_bit(IP_CT_ESTABLISHED) | state_bit(IP_CT_RELATED));
        compare(Is::Equal, std::uint32_t{0});
    }

    void operator()(const NoFlow&) {
        load_ct(NFT_CT_STATE);
        mask(std::uint32_t{NF_CT_STATE_INVALID_BIT | NF_CT_STATE_UNTRACKED_BIT});
        compare(Is::Different, std::uint32_t{0});
    }

    void operator()(const NotForwarded&) { new_without(IPS_DST_NAT); }

    void operator()(const TcpNotSyn&) {
        (*this)(Transport{L4Proto::Tcp});
        load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1);
        mask(std::uint8_t{0x17});
        compare(Is::Different, std::uint8_t{0x02});
    }

    void operator()(const ConnectionsOver& match) {
        auto* limit = expression("connlimit");
        nftnl_expr_set_u32(limit, NFTNL_EXPR_CONNLIMIT_COUNT, match.count);
        nftnl_expr_set_u32(limit, NFTNL_EXPR_CONNLIMIT_FLAGS, NFT_CONNLIMIT_F_INV);
        for_source(NFT_DYNSET_OP_ADD, match.set, limit);
    }

    void operator()(const RateOver& match) {
        auto* limit = expression("limit");
        nftnl_expr_set_u64(limit, NFTNL_EXPR_LIMIT_RATE, match.per_second);
        nftnl_expr_set_u64(limit, NFTNL_EXPR_LIMIT_UNIT, 1);
        nftnl_expr_set_u32(limit, NFTNL_EXPR_LIMIT_BURST, match.per_second);
        nftnl_expr_set_u32(limit, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
        nftnl_expr_set_u32(limit, NFTNL_EXPR_LIMIT_FLAGS, NFT_LIMIT_F_INV);
        for_source(NFT_DYNSET_OP_UPDATE, match.set, limit);
    }

    void operator()(const UseTimeout& timeout) { use(NFT_OBJECT_CT_TIMEOUT, timeout.name); }

    void operator()(const MasqueradeTo& to) {
        const bool one = to.ports.first == to.ports.last;
        put(NFT_REG_1, Be16{to.ports.first.value()});
        if (!one) put(NFT_REG_2, Be16{to.ports.last.value()});
        auto* e = add("masq");
        nftnl_expr_set_u32(e, NFTNL_EXPR_MASQ_REG_PROTO_MIN, NFT_REG_1);
        if (!one) nftnl_expr_set_u32(e, NFTNL_EXPR_MASQ_REG_PROTO_MAX, NFT_REG_2);
        nftnl_expr_set_u32(e, NFTNL_EXPR_MASQ_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
    }

    void operator()(const CountDrop& count) {
        use(NFT_OBJECT_COUNTER, std::string{info(count.reason).label});
    }

    void operator()(Act act) {
        switch (act) {
        case Act::Drop: {
            auto* e = add("immediate");
            nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
            nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, NF_DROP);
            return;
        }
        case Act::Refuse:
            reject(NFT_REJECT_ICMP_UNREACH, kPacketFiltered);
            return;
        case Act::Reset:
            reject(NFT_REJECT_TCP_RST, 0);
            return;
        case Act::Masquerade:
            add("masq");
            return;
        case Act::NoTrack:
            add("notrack");
            return;
        }
    }

private:
    static constexpr std::size_t kNameSpace = 16;

    nftnl_expr* add(const char* name) {
        auto* e = expression(name);
        nftnl_rule_add_expr(rule_, e);
        return e;
    }

    /// An object of the table.
    void use(std::uint32_t type, const std::string& name) {
        auto* e = add("objref");
        nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, type);
        nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME, name.c_str());
    }

    void load_meta(std::uint32_t key) {
        auto* e = add("meta");
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
    }

    void load_family(std::uint8_t family) {
        load_meta(NFT_META_NFPROTO);
        compare(Is::Equal, family);
    }

    void load_ct(std::uint32_t key) {
        auto* e = add("ct");
        nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
        nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, NFT_REG_1);
    }

    /// What has no flow has no status: a rule that asks for it alone would let that through.
    void new_without(std::uint32_t status) {
        load_ct(NFT_CT_STATE);
        mask(state_bit(IP_CT_NEW));
        compare(Is::Different, std::uint32_t{0});
        load_ct(NFT_CT_STATUS);
        mask(status);
        compare(Is::Equal, std::uint32_t{0});
    }

    void load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t length) {
        auto* e = add("payload");
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, length);
    }

    template <typename Value>
    void mask(const Value& value) {
        const Value nothing{};
        auto* e = add("bitwise");
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, sizeof value);
        nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, &value, sizeof value);
        nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, &nothing, sizeof nothing);
    }

    template <typename Value>
    void compare(Is is, const Value& value) {
        compare(is == Is::Equal ? NFT_CMP_EQ : NFT_CMP_NEQ, value);
    }

    template <typename Value>
    void compare(nft_cmp_ops operation, const Value& value) {
        auto* e = add("cmp");
        nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, operation);
        nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, &value, sizeof value);
    }

    void put(std::uint32_t reg, Be16 value) {
        auto* e = add("immediate");
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, reg);
        nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &value, sizeof value);
    }

    template <std::size_t Size>
    void compare_prefix(const std::array<std::uint8_t, Size>& address, unsigned length) {
        if (length < Size * 8) {
            std::array<std::uint8_t, Size> ones{};
            for (unsigned bit = 0; bit < length; ++bit)
                ones[bit / 8] = static_cast<std::uint8_t>(ones[bit / 8] | 0x80U >> bit % 8);
            mask(ones);
        }
        compare(Is::Equal, address);
    }

    /// `limit` is given away.
    void for_source(std::uint32_t operation, const std::string& set, nftnl_expr* limit) {
        load_payload(NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
        auto* e = add("dynset");
        nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, operation);
        nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, set.c_str());
        nftnl_expr_set(e, NFTNL_EXPR_DYNSET_EXPR, limit, 0);
    }

    void reject(std::uint32_t type, std::uint8_t code) {
        auto* e = add("reject");
        nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, type);
        nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, code);
    }

    nftnl_rule* rule_;
};

/// Builds the messages of a batch one behind the other.
class BatchEncoder {
public:
    BatchEncoder(const std::string& table, std::uint32_t first_sequence)
        : table_{table}, sequence_{first_sequence} {}

    void begin() { nftnl_batch_begin(next(), sequence_++), finish(); }

    void end() { nftnl_batch_end(next(), sequence_++), finish(); }

    void change(const Change& change, std::uint16_t flags) {
        flags_ = flags;
        std::visit(*this, change);
    }

    void operator()(const AddTable&) {
        const TablePtr table{checked(nftnl_table_alloc())};
        nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, table_.c_str());
        nftnl_table_set_u32(table.get(), NFTNL_TABLE_FLAGS, NFT_TABLE_F_OWNER);
        nftnl_table_nlmsg_build_payload(header(NFT_MSG_NEWTABLE, kCreate), table.get());
        finish();
    }

    void operator()(const AddCounter& add) {
        const auto object =
            named_object(NFT_OBJECT_COUNTER, std::string{info(add.reason).label});
        nftnl_obj_set_u64(object.get(), NFTNL_OBJ_CTR_PKTS, 0);
        nftnl_obj_set_u64(object.get(), NFTNL_OBJ_CTR_BYTES, 0);
        nftnl_obj_nlmsg_build_payload(header(NFT_MSG_NEWOBJ, kCreate), object.get());
        finish();
    }

    void operator()(const AddTimeout& add) {
        std::vector<std::uint32_t> seconds;
        seconds.reserve(add.policy.states.size());
        for (const auto& state : add.policy.states)
            seconds.push_back(state.seconds);
        const auto object = named_object(NFT_OBJECT_CT_TIMEOUT, add.policy.name);
        nftnl_obj_set_u16(object.get(), NFTNL_OBJ_CT_TIMEOUT_L3PROTO, NFPROTO_IPV4);
        nftnl_obj_set_u8(
            object.get(), NFTNL_OBJ_CT_TIMEOUT_L4PROTO, number_of(add.policy.protocol));
        nftnl_obj_set_data(object.get(),
                           NFTNL_OBJ_CT_TIMEOUT_ARRAY,
                           seconds.data(),
                           static_cast<std::uint32_t>(seconds.size() * sizeof seconds[0]));
        nftnl_obj_nlmsg_build_payload(header(NFT_MSG_NEWOBJ, kCreate), object.get());
        finish();
    }

    void operator()(const DeleteTimeout& remove) {
        const auto object = named_object(NFT_OBJECT_CT_TIMEOUT, remove.policy.name);
        nftnl_obj_nlmsg_build_payload(header(NFT_MSG_DELOBJ, 0), object.get());
        finish();
    }

    void operator()(const AddSet& add) {
        const SetPtr set{checked(nftnl_set_alloc())};
        nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table_.c_str());
        nftnl_set_set_str(set.get(), NFTNL_SET_NAME, add.set.name.c_str());
        nftnl_set_set_u32(set.get(), NFTNL_SET_ID, ++set_id_);
        nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_TYPE, kIpv4AddressType);
        nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_LEN, 4);
        nftnl_set_set_u32(set.get(), NFTNL_SET_DESC_SIZE, add.set.size);
        std::uint32_t flags = NFT_SET_EVAL;
        if (add.set.timeout_seconds != 0) {
            flags |= NFT_SET_TIMEOUT;
            nftnl_set_set_u64(
                set.get(), NFTNL_SET_TIMEOUT, std::uint64_t{add.set.timeout_seconds} * 1000);
        }
        nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, flags);
        nftnl_set_nlmsg_build_payload(header(NFT_MSG_NEWSET, kCreate), set.get());
        finish();
    }

    void operator()(const DeleteSet& remove) {
        const SetPtr set{checked(nftnl_set_alloc())};
        nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table_.c_str());
        nftnl_set_set_str(set.get(), NFTNL_SET_NAME, remove.name.c_str());
        nftnl_set_nlmsg_build_payload(header(NFT_MSG_DELSET, 0), set.get());
        finish();
    }

    void operator()(const AddChain& add) {
        const auto chain = named_chain(add.chain.name);
        nftnl_chain_set_u32(
            chain.get(), NFTNL_CHAIN_HOOKNUM, static_cast<std::uint32_t>(add.chain.hook));
        nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, add.chain.priority);
        nftnl_chain_set_str(
            chain.get(), NFTNL_CHAIN_TYPE, add.chain.type == ChainType::Nat ? "nat" : "filter");
        nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
        nftnl_chain_nlmsg_build_payload(header(NFT_MSG_NEWCHAIN, kCreate), chain.get());
        finish();
    }

    void operator()(const FlushChain& flush) {
        const auto rule = rule_of(flush.name);
        nftnl_rule_nlmsg_build_payload(header(NFT_MSG_DELRULE, 0), rule.get());
        finish();
    }

    void operator()(const DeleteChain& remove) {
        const auto chain = named_chain(remove.name);
        nftnl_chain_nlmsg_build_payload(header(NFT_MSG_DELCHAIN, 0), chain.get());
        finish();
    }

    void operator()(const AddRule& add) {
        const auto rule = rule_of(add.chain);
        // NOLINTNEXTLINE(misc-const-correctness): its operators are not const
        RuleEncoder encoder{rule.get()};
        for (const auto& part : add.rule)
            std::visit(encoder, part);
        nftnl_rule_nlmsg_build_payload(header(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND),
                                       rule.get());
        finish();
    }

    std::vector<std::byte> take() { return std::move(bytes_); }

private:
    static constexpr std::uint16_t kCreate = NLM_F_CREATE | NLM_F_EXCL;

    /// Room for one more message.
    char* next() {
        bytes_.resize(used_ + kMessageSpace);
        return static_cast<char*>(static_cast<void*>(bytes_.data() + used_));
    }

    nlmsghdr* header(unsigned type, unsigned flags) {
        return nftnl_nlmsg_build_hdr(next(),
                                     static_cast<std::uint16_t>(type),
                                     NFPROTO_INET,
                                     static_cast<std::uint16_t>(flags | flags_),
                                     sequence_++);
    }

    /// Keeps what was built.
    void finish() {
        nlmsghdr built{};
        std::memcpy(&built, bytes_.data() + used_, sizeof built);
        assert(built.nlmsg_len <= kMessageSpace);
        used_ += (built.nlmsg_len + 3U) & ~3U;
        bytes_.resize(used_);
    }

    [[nodiscard]] ObjectPtr named_object(std::uint32_t type, const std::string& name) const {
        ObjectPtr object{checked(nftnl_obj_alloc())};
        nftnl_obj_set_u32(object.get(), NFTNL_OBJ_TYPE, type);
        nftnl_obj_set_str(object.get(), NFTNL_OBJ_TABLE, table_.c_str());
        nftnl_obj_set_str(object.get(), NFTNL_OBJ_NAME, name.c_str());
        return object;
    }

    [[nodiscard]] ChainPtr named_chain(const std::string& name) const {
        ChainPtr chain{checked(nftnl_chain_alloc())};
        nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, table_.c_str());
        nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, name.c_str());
        return chain;
    }

    [[nodiscard]] RulePtr rule_of(const std::string& chain) const {
        RulePtr rule{checked(nftnl_rule_alloc())};
        nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, table_.c_str());
        nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, chain.c_str());
        return rule;
    }

    const std::string& table_;
    std::uint32_t sequence_;
    std::uint32_t set_id_ = 0;
    std::uint16_t flags_ = 0;
    std::vector<std::byte> bytes_;
    std::size_t used_ = 0;
};

} // namespace

std::vector<std::byte> encode_batch(const std::string& table,
                                    std::span<const Change> changes,
                                    std::uint32_t first_sequence) {
    BatchEncoder encoder{table, first_sequence};
    encoder.begin();
    for (const auto& change : changes)
        encoder.change(change, &change == &changes.back() ? NLM_F_ACK : 0);
    encoder.end();
    return encoder.take();
}

std::vector<std::byte> encode_query(const std::string& table, std::uint32_t sequence) {
    std::vector<std::byte> bytes(kMessageSpace);
    auto* header = nftnl_nlmsg_build_hdr(static_cast<char*>(static_cast<void*>(bytes.data())),
                                         NFT_MSG_GETTABLE,
                                         NFPROTO_INET,
                                         NLM_F_ACK,
                                         sequence);
    const TablePtr wanted{checked(nftnl_table_alloc())};
    nftnl_table_set_str(wanted.get(), NFTNL_TABLE_NAME, table.c_str());
    nftnl_table_nlmsg_build_payload(header, wanted.get());
    bytes.resize(header->nlmsg_len);
    return bytes;
}

} // namespace nat64::kernel::nft

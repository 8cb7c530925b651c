// SPDX-License-Identifier: Apache-2.0
// cereal's binary archive for messages that a stranger may have written: what it reads is what
// a BinaryOutputArchive wrote, with two differences. No string or list is made longer than the
// rest of the message could fill (every element takes a byte at least), so a length that is a
// lie costs no memory. And what is neither 0 nor 1 does not become a bool.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>

#include <cereal/archives/binary.hpp>

namespace nat64::platform {

class RequestReader
    : public cereal::InputArchive<RequestReader, cereal::AllowEmptyClassElision> {
public:
    /// `message` outlives it.
    explicit RequestReader(std::string_view message) : InputArchive{this}, left_{message} {}

    /// Throws cereal::Exception.
    void read(void* data, std::size_t size) {
        must_have(size);
        std::memcpy(data, left_.data(), size);
        left_.remove_prefix(size);
    }

    void must_have(std::size_t size) const {
        if (size > left_.size()) throw cereal::Exception{"the request is too short"};
    }

private:
    std::string_view left_;
};

// What cereal asks of an archive.

template <typename Number>
    requires std::is_arithmetic_v<Number>
void load(RequestReader& reader, Number& number) {
    if constexpr (std::is_same_v<Number, bool>) {
        unsigned char byte = 0;
        reader.read(&byte, sizeof byte);
        number = byte != 0;
    } else {
        reader.read(std::addressof(number), sizeof number);
    }
}

template <typename Value>
void serialize(RequestReader& reader, cereal::NameValuePair<Value>& pair) {
    reader(pair.value);
}

template <typename Size>
void serialize(RequestReader& reader, cereal::SizeTag<Size>& tag) {
    reader(tag.size);
    reader.must_have(tag.size);
}

template <typename Data>
void load(RequestReader& reader, cereal::BinaryData<Data>& bytes) {
    reader.read(bytes.data, static_cast<std::size_t>(bytes.size));
}

} // namespace nat64::platform

/// Its counterpart, for types that look at what is written (save_minimal).
template <>
struct cereal::traits::detail::get_output_from_input<nat64::platform::RequestReader> {
    using type = cereal::BinaryOutputArchive;
};

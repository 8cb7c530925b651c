// SPDX-License-Identifier: Apache-2.0
// Boost.Asio's own definitions, compiled once for the whole program
// (BOOST_ASIO_SEPARATE_COMPILATION, set by asio_dep in platform/meson.build).
#include <boost/asio/impl/src.hpp>

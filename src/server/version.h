// The version, from the build.

#pragma once

namespace ocellus::server {

inline constexpr char kVersion[] = OCELLUS_VERSION;

}  // namespace ocellus::server

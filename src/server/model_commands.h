// `ocellus model`: the bundles of this machine, and which one a library uses.

#pragma once

#include <functional>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace ocellus::server {

// Adds `model` with its subcommands to `app`. When the user chose one, `run` is set to what does
// it; it gives the exit code.
void AddModelCommands(CLI::App& app, std::function<int()>& run);

}  // namespace ocellus::server

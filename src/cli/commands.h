// The subcommands that talk to a running server: their arguments and help, and who runs them.

#pragma once

#include <functional>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace ocellus::cli {

// Adds import, search, library and mcp to `app`. When the user chose one, `run` is set to what does
// it; it gives the exit code.
void AddClientCommands(CLI::App& app, std::function<int()>& run);

// Adds `use` to the subcommand `model`.
void AddModelUse(CLI::App& model, std::function<int()>& run);

}  // namespace ocellus::cli

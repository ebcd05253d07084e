// `ocellus mcp`: the Model Context Protocol over standard input and output, for assistants that
// start a program. Hands every message to a running server's /mcp and writes what it answers.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/value.h"
#include "cli/byte_source.h"
#include "cli/server_client.h"

namespace ocellus::cli {

// Reads one message a line until the input ends. `write` takes each answer, one line with its end.
// Gives the exit code. What goes wrong with a request is told to the assistant, since nobody else
// reads along.
int RunMcp(const ServerOptions& server, ByteSource& input,
           const std::function<void(std::string_view)>& write);

// The headers that say again what is in the message, as the protocol wants over HTTP.
std::vector<std::pair<std::string, std::string>> McpHeaders(const Value& message);

// Standard input.
std::unique_ptr<ByteSource> OpenStandardInput();

}  // namespace ocellus::cli

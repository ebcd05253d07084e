// The `ocellus` program: `serve`, and the commands that talk to a running server.

#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "server/model_commands.h"
#include "server/serve.h"
#include "server/version.h"

namespace {

constexpr char kAbout[] = R"(Ocellus searches pictures by picture or by words, on your own machine.

  ocellus serve --data ./data                     start the server
  ocellus import holidays ~/Pictures              put pictures in, from another terminal
  ocellus search holidays --text "a dog on the beach"
  ocellus model list                              what makes the vectors; others can be added

`ocellus COMMAND --help` tells more about each.)";

constexpr char kServeHelp[] =
    R"(Starts the server. It says on one line when it is ready and where, and runs until
SIGTERM or Ctrl-C: then it answers what has arrived and ends.

  ocellus serve
  ocellus serve --data /var/lib/ocellus --listen 127.0.0.1:9000
  OCELLUS_API_KEY=$(openssl rand -hex 24) ocellus serve --listen 0.0.0.0:8000
  ocellus serve --config /etc/ocellus.toml

On an address that others reach it wants an API key. docs/operations.md explains the
configuration.)";

void AddServe(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<ocellus::server::ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", kServeHelp);
  command->add_option("--config,-c", options->config_file, "Configuration file (TOML)");
  command->add_option("--data,-d", options->data, "Folder that keeps everything [./data]");
  command->add_option("--listen,-l", options->listen, "Address and port [127.0.0.1:8000]");
  command->add_option("--models", options->models, "Folder of model bundles [beside the program]");
  command->add_flag("--reembed", options->reembed,
                    "Make the vectors of libraries and tables again whose bundle has changed");
  command->callback(
      [options, &run] { run = [options] { return ocellus::server::Serve(*options); }; });
}

}  // namespace

// Outside its try, CLI11 throws for mistakes of ours only.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  CLI::App app(kAbout, "ocellus");
  app.set_version_flag("--version,-V", std::string("ocellus ") + ocellus::server::kVersion);
  app.require_subcommand(0, 1);
  std::function<int()> run;
  AddServe(app, run);
  ocellus::cli::AddClientCommands(app, run);
  ocellus::server::AddModelCommands(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  if (!run) {
    std::fputs(app.help().c_str(), stdout);
    return 2;
  }
  return run();
}

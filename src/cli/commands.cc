#include "cli/commands.h"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/import.h"
#include "cli/mcp.h"
#include "cli/search.h"
#include "cli/use.h"
#include "os/signals.h"

namespace ocellus::cli {
namespace {

constexpr char kImportHelp[] = R"(Puts pictures into a library of a running server.

A PATH is a folder (with all below it), a tar archive (.tar, .tar.gz, .tgz), a manifest
(.jsonl), or a picture. What the library has already, by content, is skipped: interrupt
with Ctrl-C and run the same command again to go on.

  ocellus import holidays ~/Pictures/2024
  ocellus import shoes photos.tar.gz --tag brand=acme --tag season=summer --tag season=spring
  ocellus import shoes manifest.jsonl

image_id is the file name without its extension. image_uri is the path from the given
folder's name on (holidays: "2024/beach/IMG_7.jpg"), or from the archive's name on. A line
of a manifest is one JSON object that says it all:

  {"image_id": "sku-17", "image_uri": "cat/17.jpg", "tags": {"color": "red"}}

with image_uri relative to the manifest, or the picture itself in "image_base64".)";

constexpr char kSearchHelp[] = R"(Searches a library by words or by a picture.

  ocellus search holidays --text "a dog on the beach"
  ocellus search shoes --image sandal.jpg --top-k 5
  ocellus search shoes --text "red boots" --filter '{"brand": "acme", "season": ["summer", "spring"]}'
  ocellus search shoes --text boots --filter '[{"field": "price", "op": "<", "value": 50}]' --json

--filter takes tags and wanted values, a list meaning any of them, or the API's full
grammar of conditions.)";

constexpr char kLibraryHelp[] = R"(Libraries of a running server.

  ocellus library list
  ocellus library create shoes --description "summer collection"
  ocellus library delete shoes)";

constexpr char kMcpHelp[] =
    R"(Lets an assistant search the libraries of a running server, by the Model Context Protocol
over standard input and output. An assistant starts it by itself; in its configuration:

  {"mcpServers": {"pictures": {"command": "ocellus", "args": ["mcp"]}}}

Assistants that speak the protocol over HTTP need no program: give them the server's
address with /mcp at its end.)";

constexpr char kUseHelp[] = R"(Lets a library use another model bundle.

The server makes the vectors of all its pictures again, in the background. Until they are all
there searches are answered from the old ones; then it changes over at once. Interrupted, or with
the server killed, it goes on where it was: this command shows how far it is, and run again it
shows it again.

  ocellus model use holidays clip-vit-base-patch32

Pictures whose bytes were not kept cannot follow. If there are such, the library is left as it is
and they are listed; --leave-behind changes over all the same: they stay in the library, but no
search finds them until they are imported again.

The fields of a table each have a bundle of their own, which they keep. When its files have changed
this makes their vectors again: name the table in place of the library.)";

constexpr char kExits[] = R"(
Exit codes: 0 done; 1 with --strict, when a file was refused; 2 it could not be done;
130 interrupted.)";

struct Server {
  std::string url = "http://127.0.0.1:8000";
  std::string api_key;
};

void AddServerOptions(CLI::App& command, const std::shared_ptr<Server>& server) {
  command.add_option("--server", server->url, "Address of the server")
      ->envname("OCELLUS_SERVER")
      ->capture_default_str();
  command
      .add_option("--api-key", server->api_key,
                  "Key of the server; better in the environment, where others do not see it")
      ->envname("OCELLUS_API_KEY");
}

// Runs `use` with the server's address taken apart, or says what is wrong with it.
int With(const Server& server, const std::function<int(const ServerOptions&)>& use) {
  Result<ServerAddress> address = ParseServerUrl(server.url);
  if (!address.ok()) {
    std::fprintf(stderr, "ocellus: %s\n", address.status().message().c_str());
    return kExitFailed;
  }
  return use({.address = *std::move(address), .api_key = server.api_key});
}

void AddImport(CLI::App& app, std::function<int()>& run) {
  struct Arguments {
    ImportOptions options;
    std::vector<std::string> tags;
    bool discard = false;
  };
  auto args = std::make_shared<Arguments>();
  auto server = std::make_shared<Server>();
  CLI::App* command = app.add_subcommand("import", kImportHelp);
  command->footer(kExits);
  ImportOptions& options = args->options;
  command->add_option("LIBRARY", options.library, "Where the pictures go")->required();
  command->add_option("PATH", options.paths, "Folders, archives, manifests, pictures")->required();
  command
      ->add_option("--tag", args->tags, "key=value for every picture; a key given twice is a list")
      ->allow_extra_args(false);
  command->add_option("--jobs,-j", options.jobs, "Pictures sent at one time")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_flag("--create,!--no-create", options.create,
                    "Make the library when it is missing (the default)");
  command->add_flag("--again", options.again, "Send also what the library has already");
  command->add_flag("--discard", args->discard,
                    "Keep the vectors only, not the pictures themselves");
  command->add_flag("--strict", options.strict, "Exit with 1 when anything was refused");
  AddServerOptions(*command, server);
  command->callback([args, server, &run] {
    run = [args, server] {
      Result<Value::Map> tags = ParseTags(args->tags);
      if (!tags.ok()) {
        std::fprintf(stderr, "ocellus: %s\n", tags.status().message().c_str());
        return kExitFailed;
      }
      ImportOptions& chosen = args->options;
      chosen.tags = *std::move(tags);
      chosen.keep_pictures = !args->discard;
      chosen.show_bar = isatty(STDERR_FILENO) == 1;
      return With(*server, [&](const ServerOptions& address) {
        chosen.server = address;
        return RunImport(chosen, os::CatchInterrupt());
      });
    };
  });
}

void AddSearch(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<SearchOptions>();
  auto server = std::make_shared<Server>();
  CLI::App* command = app.add_subcommand("search", kSearchHelp);
  command->add_option("LIBRARY", options->library, "Where to search")->required();
  CLI::Option* text = command->add_option("--text,-t", options->text, "Words to search for");
  CLI::Option* image =
      command->add_option("--image,-i", options->image, "File of a picture to search for");
  text->excludes(image);
  command->add_option("--top-k,-k", options->top_k, "How many results at most")
      ->capture_default_str();
  command->add_option("--filter,-f", options->filter, "Tags that results must have, as JSON");
  command->add_flag("--json", options->json, "Print the results as one line of JSON");
  AddServerOptions(*command, server);
  command->callback([options, server, text, image, &run] {
    if (text->count() + image->count() == 0) {
      throw CLI::ValidationError("search", "one of --text and --image is needed");
    }
    run = [options, server] {
      return With(*server, [&](const ServerOptions& address) {
        options->server = address;
        return RunSearch(*options, os::CatchInterrupt());
      });
    };
  });
}

void AddMcp(CLI::App& app, std::function<int()>& run) {
  auto server = std::make_shared<Server>();
  CLI::App* command = app.add_subcommand("mcp", kMcpHelp);
  AddServerOptions(*command, server);
  command->callback([server, &run] {
    run = [server] {
      return With(*server, [](const ServerOptions& address) {
        const auto input = OpenStandardInput();
        return RunMcp(address, *input, [](std::string_view line) {
          std::fwrite(line.data(), 1, line.size(), stdout);
          std::fflush(stdout);
        });
      });
    };
  });
}

void AddLibrary(CLI::App& app, std::function<int()>& run) {
  struct Arguments {
    std::string name;
    std::string mode = "general_search";
    std::string description;
    bool json = false;
  };
  auto args = std::make_shared<Arguments>();
  auto server = std::make_shared<Server>();
  CLI::App* command = app.add_subcommand("library", kLibraryHelp);
  command->require_subcommand(1);

  CLI::App* list = command->add_subcommand("list", "Names, modes and numbers of pictures");
  list->add_flag("--json", args->json, "Print them as one line of JSON");
  AddServerOptions(*list, server);
  list->callback([args, server, &run] {
    run = [args, server] {
      return With(*server, [&](const ServerOptions& address) {
        return RunLibraryList(address, args->json, os::CatchInterrupt());
      });
    };
  });

  CLI::App* create = command->add_subcommand("create", "Make a library");
  create->add_option("NAME", args->name, "Letters, digits, '_' and '-'")->required();
  create->add_option("--mode", args->mode, "general_search, item_search or adaptive_search")
      ->capture_default_str();
  create->add_option("--description", args->description, "What it is for");
  AddServerOptions(*create, server);
  create->callback([args, server, &run] {
    run = [args, server] {
      return With(*server, [&](const ServerOptions& address) {
        return RunLibraryCreate(address, args->name, args->mode, args->description,
                                os::CatchInterrupt());
      });
    };
  });

  CLI::App* remove = command->add_subcommand("delete", "Delete a library with all its pictures");
  remove->add_option("NAME", args->name, "Which")->required();
  AddServerOptions(*remove, server);
  remove->callback([args, server, &run] {
    run = [args, server] {
      return With(*server, [&](const ServerOptions& address) {
        return RunLibraryDelete(address, args->name, os::CatchInterrupt());
      });
    };
  });
}

}  // namespace

void AddModelUse(CLI::App& model, std::function<int()>& run) {
  auto options = std::make_shared<UseOptions>();
  auto server = std::make_shared<Server>();
  CLI::App* command = model.add_subcommand("use", kUseHelp);
  command->add_option("LIBRARY", options->library, "Which library")->required();
  command->add_option("BUNDLE", options->bundle, "Which bundle, by its name")->required();
  command->add_flag("--leave-behind", options->leave_behind,
                    "Change over also when some pictures or rows cannot follow");
  command->add_flag("--no-wait", options->no_wait, "Start it and return at once");
  AddServerOptions(*command, server);
  command->callback([options, server, &run] {
    run = [options, server] {
      options->show_bar = isatty(STDERR_FILENO) == 1;
      return With(*server, [&](const ServerOptions& address) {
        options->server = address;
        return RunUse(*options, os::CatchInterrupt());
      });
    };
  });
}

void AddClientCommands(CLI::App& app, std::function<int()>& run) {
  AddImport(app, run);
  AddSearch(app, run);
  AddLibrary(app, run);
  AddMcp(app, run);
}

}  // namespace ocellus::cli

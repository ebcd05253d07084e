#include "server/model_commands.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/search.h"
#include "embed/bundle.h"
#include "os/file_system.h"
#include "os/signals.h"
#include "server/model_check.h"
#include "server/model_folder.h"
#include "server/model_pull.h"

namespace ocellus::server {
namespace {

constexpr int kExitFailed = 2;
constexpr int kExitInterrupted = 130;

constexpr char kModelHelp[] = R"(Model bundles: what makes vectors of pictures and words.

A bundle is a folder as model hubs publish them: config.json, preprocessor_config.json,
tokenizer.json and the two networks as ONNX (or OpenVINO). CLIP, OpenCLIP, SigLIP, SigLIP2,
Chinese-CLIP, jina-clip and EVA-CLIP exports work unchanged.

  ocellus model list                                what is there
  ocellus model pull Xenova/clip-vit-base-patch32   fetch one from the hub
  ocellus model add ~/exports/my-clip               or take one that is on this disk
  ocellus model verify clip-vit-base-patch32        try it: vectors, speed, memory
  ocellus model use holidays clip-vit-base-patch32  let a library of a running server use it

Bundles live in the folder that `ocellus serve --models DIR` names, or in models/ beside the
program.)";

constexpr char kListHelp[] = R"(Lists the bundles, the default one first.

  ocellus model list
  ocellus model list --models /var/lib/ocellus/models --json)";

constexpr char kAddHelp[] = R"(Checks a bundle and copies it into the folder of bundles.

Nothing is written unless the bundle runs: its files are read, both networks are compiled and
tried on built-in pictures and texts first.

  ocellus model add ~/exports/my-clip
  ocellus model add ~/exports/onnx --as my-clip --variant fp16)";

constexpr char kVerifyHelp[] = R"(Runs bundles on built-in pictures and texts, on one core.

`vectors` is a digest of the directions of all vectors: on another machine, or after an update,
the same bundle gives the same one.

  ocellus model verify                every bundle there is
  ocellus model verify default
  ocellus model verify ~/exports/my-clip    a folder anywhere)";

constexpr char kPullHelp[] = R"(Fetches a model from the Hugging Face hub, checks it, and adds it.

Only the files that a bundle needs are fetched. A transfer that breaks off is gone on with:
run the same command again. Every file is checked against the hash that the hub gives.

  ocellus model pull Xenova/clip-vit-base-patch32
  ocellus model pull Xenova/siglip-base-patch16-224 --variant fp16 --as siglip
  HF_ENDPOINT=https://hub.example.org ocellus model pull owner/name    a mirror
  HF_TOKEN=hf_... ocellus model pull owner/gated-name                  with your token

Without internet: fetch the folder elsewhere and use `ocellus model add DIR`.)";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no thread is there yet
  return value == nullptr ? "" : value;
}

int Complain(const Status& status) {
  std::fprintf(stderr, "ocellus: %s\n", status.message().c_str());
  return status.code() == Code::kCancelled ? kExitInterrupted : kExitFailed;
}

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

std::string LastPart(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path.substr(path.find_last_of('/') + 1);
}

std::string Number(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

struct Shared {
  std::string models;
  std::string name;     // --as
  std::string variant;  // --variant
  bool json = false;
};

// One bundle's line of `list`: its facts, or what is wrong with it.
Value::Map DescribeBundle(os::FileSystem& files, const std::string& models,
                          const std::string& folder) {
  const std::string path = models + "/" + folder;
  const Result<embed::Bundle> bundle = embed::LoadBundle(files, path);
  if (!bundle.ok()) {
    return {{"name", folder}, {"folder", path}, {"problem", bundle.status().message()}};
  }
  const Result<std::uint64_t> bytes = BundleBytes(files, path, *bundle);
  return {{"name", bundle->info.name},
          {"folder", path},
          {"family", bundle->family},
          {"dimension", bundle->info.dimension},
          {"picture_side", bundle->info.picture_side},
          {"text", bundle->info.embeds_text},
          {"max_text_tokens", bundle->info.max_text_tokens},
          {"calibrated", bundle->info.picture_scores.has_value()},
          {"bytes", static_cast<std::int64_t>(bytes.ok() ? *bytes : 0)},
          {"digest", bundle->info.digest}};
}

std::string TextOf(const Value::Map& map, std::string_view name) {
  for (const auto& [key, value] : map) {
    if (key == name) return value.as_string() != nullptr ? *value.as_string() : WriteJson(value);
  }
  return "";
}

int RunList(const Shared& args) {
  os::PosixFileSystem files;
  const Result<std::string> models = FindModels(files, args.models);
  if (!models.ok()) return Complain(models.status());
  const Result<std::vector<std::string>> names = BundleNames(files, *models);
  if (!names.ok()) return Complain(names.status());
  Value::List list;
  std::vector<std::vector<std::string>> rows;
  std::string problems;
  for (const std::string& folder : *names) {
    Value::Map bundle = DescribeBundle(files, *models, folder);
    if (const std::string problem = TextOf(bundle, "problem"); !problem.empty()) {
      problems += "ocellus: cannot be used: " + problem + "\n";
    } else {
      const std::string bytes = TextOf(bundle, "bytes");
      rows.push_back({TextOf(bundle, "name"), TextOf(bundle, "family"), TextOf(bundle, "dimension"),
                      TextOf(bundle, "picture_side"),
                      TextOf(bundle, "text") == "true" ? "yes" : "no",
                      Number(std::strtod(bytes.c_str(), nullptr) / 1e6, 1),
                      TextOf(bundle, "digest").substr(0, 12)});
    }
    list.emplace_back(std::move(bundle));
  }
  if (args.json) {
    Print(WriteJson(Value(std::move(list))) + "\n");
    return 0;
  }
  Print(cli::FormatTable({"bundle", "family", "numbers", "pixels", "words", "MB", "digest"}, rows,
                         {false, false, true, true, false, true, false}));
  std::fputs(problems.c_str(), stderr);
  return problems.empty() ? 0 : 1;
}

std::string Described(const BundleReport& report) {
  const embed::BundleInfo& info = report.info;
  std::string text = info.name + "\n";
  const auto line = [&](const std::string& name, const std::string& value) {
    text += "  " + name + std::string(12 - name.size(), ' ') + value + "\n";
  };
  line("family", report.family);
  line("dimension", std::to_string(info.dimension) + " numbers");
  line("pictures", Number(report.pictures_per_second, 0) + "/s on one core, " +
                       std::to_string(info.picture_side) + " pixels");
  line("texts", info.embeds_text ? Number(report.text_ms, 1) + " ms on one core, up to " +
                                       std::to_string(info.max_text_tokens) + " tokens"
                                 : "not embedded");
  line("scores", info.picture_scores.has_value() ? "calibrated" : "cosines");
  line("memory", Number(report.megabytes, 0) + " MB");
  line("vectors", report.vectors);
  line("digest", info.digest);
  return text;
}

// A bundle by its folder's name in the folder of bundles, by its own name, or by a path.
std::string FindBundle(os::FileSystem& files, const std::string& models, const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const Result<std::vector<std::string>> folders = BundleNames(files, models);
  if (!folders.ok()) return name;
  for (const std::string& folder : *folders) {
    if (folder == name) return models + "/" + folder;
  }
  const Result<std::string> folder = FindBundleFolder(files, models, name);
  return folder.ok() ? models + "/" + *folder : name;
}

int RunVerify(const Shared& args, const std::vector<std::string>& wanted) {
  os::PosixFileSystem files;
  std::vector<std::string> folders;
  const Result<std::string> models = FindModels(files, args.models);
  for (const std::string& name : wanted) {
    folders.push_back(models.ok() ? FindBundle(files, *models, name) : name);
  }
  if (wanted.empty()) {
    if (!models.ok()) return Complain(models.status());
    const Result<std::vector<std::string>> names = BundleNames(files, *models);
    if (!names.ok()) return Complain(names.status());
    for (const std::string& name : *names) folders.push_back(*models + "/" + name);
  }
  int exit = 0;
  for (const std::string& folder : folders) {
    Result<embed::Bundle> bundle =
        embed::LoadBundle(files, folder, {.name = {}, .variant = args.variant});
    if (!bundle.ok()) {
      exit = Complain(bundle.status());
      continue;
    }
    const Result<BundleReport> report = TryBundle(*std::move(bundle));
    if (report.ok()) {
      Print(Described(*report));
    } else {
      exit = Complain(report.status());
    }
  }
  return exit;
}

// Tries the bundle of a folder and copies it.
Status AddFolder(os::FileSystem& files, const std::string& directory, const std::string& name,
                 const std::string& models, const std::string& variant) {
  OCELLUS_RETURN_IF_ERROR(CheckBundleName(name));
  const embed::BundleOptions options = {.name = name, .variant = variant};
  OCELLUS_ASSIGN_OR_RETURN(embed::Bundle bundle, embed::LoadBundle(files, directory, options));
  if (const auto other = FindBundleFolder(files, models, bundle.info.name); other.ok()) {
    return {Code::kAlreadyExists, "the folder " + models + "/" + *other + " has a bundle named " +
                                      bundle.info.name + " already"};
  }
  OCELLUS_ASSIGN_OR_RETURN(const BundleReport report, TryBundle(std::move(bundle)));
  OCELLUS_ASSIGN_OR_RETURN(bundle, embed::LoadBundle(files, directory, options));
  if (bundle.info.digest != report.info.digest) {
    return {Code::kFailedPrecondition, directory + " changes while it is read"};
  }
  OCELLUS_RETURN_IF_ERROR(CopyBundle(files, directory, bundle, models, name));
  Print(Described(report));
  Print("Added " + report.info.name + ". `ocellus model use LIBRARY " + report.info.name +
        "` lets a library use it; no\nrestart is needed.\n");
  return {};
}

int RunAdd(const Shared& args, const std::string& directory) {
  os::PosixFileSystem files;
  const Result<std::string> models = FindModels(files, args.models);
  if (!models.ok()) return Complain(models.status());
  const std::string name = args.name.empty() ? LastPart(directory) : args.name;
  const Status added = AddFolder(files, directory, name, *models, args.variant);
  return added.ok() ? 0 : Complain(added);
}

Status PullAndAdd(const Shared& args, const std::string& model, const std::string& revision,
                  const std::atomic<bool>& stop) {
  os::PosixFileSystem files;
  PullOptions options;
  OCELLUS_ASSIGN_OR_RETURN(options.models, FindModels(files, args.models));
  options.model = model;
  options.name = args.name.empty() ? LastPart(model) : args.name;
  options.variant = args.variant;
  options.show_bar = isatty(STDERR_FILENO) == 1;
  options.hub.revision = revision;
  options.hub.token = Environment("HF_TOKEN");
  if (const std::string mirror = Environment("HF_ENDPOINT"); !mirror.empty()) {
    options.hub.endpoint = mirror;
    while (options.hub.endpoint.ends_with('/')) options.hub.endpoint.pop_back();
  }
  OCELLUS_RETURN_IF_ERROR(CheckBundleName(options.name));
  OCELLUS_ASSIGN_OR_RETURN(const bool taken, files.Exists(options.models + "/" + options.name));
  if (taken) {
    return {Code::kAlreadyExists, "there is a bundle " + options.name + " in " + options.models +
                                      " already; choose another name with --as NAME"};
  }
  const Result<std::string> folder = PullFiles(files, options, stop);
  if (!folder.ok()) {
    Status status = folder.status();
    if (status.code() != Code::kUnavailable) return status;
    return {status.code(),
            status.message() +
                ". What came is kept: run the same command again. Without internet, fetch the "
                "folder elsewhere and use `ocellus model add DIR`; HF_ENDPOINT names a mirror"};
  }
  OCELLUS_RETURN_IF_ERROR(AddFolder(files, *folder, options.name, options.models, options.variant));
  return RemoveFolder(files, *folder);
}

int RunPull(const Shared& args, const std::string& model, const std::string& revision) {
  const Status pulled = PullAndAdd(args, model, revision, os::CatchInterrupt());
  return pulled.ok() ? 0 : Complain(pulled);
}

void AddModels(CLI::App& command, const std::shared_ptr<Shared>& args) {
  command.add_option("--models", args->models, "Folder of bundles [models/ beside the program]")
      ->envname("OCELLUS_MODELS");
}

void AddChoice(CLI::App& command, const std::shared_ptr<Shared>& args) {
  command
      .add_option("--variant", args->variant,
                  "Which of several networks: fp16, int8, uint8 or quantized")
      ->check(CLI::IsMember({"fp16", "int8", "uint8", "quantized"}));
}

}  // namespace

void AddModelCommands(CLI::App& app, std::function<int()>& run) {
  auto args = std::make_shared<Shared>();
  CLI::App* command = app.add_subcommand("model", kModelHelp);
  command->require_subcommand(1);

  CLI::App* list = command->add_subcommand("list", kListHelp);
  AddModels(*list, args);
  list->add_flag("--json", args->json, "Print them as one line of JSON");
  list->callback([args, &run] { run = [args] { return RunList(*args); }; });

  auto folder = std::make_shared<std::string>();
  CLI::App* add = command->add_subcommand("add", kAddHelp);
  add->add_option("DIR", *folder, "The bundle's folder")->required();
  add->add_option("--as", args->name, "Its name here [the folder's]");
  AddModels(*add, args);
  AddChoice(*add, args);
  add->callback([args, folder, &run] { run = [args, folder] { return RunAdd(*args, *folder); }; });

  auto wanted = std::make_shared<std::vector<std::string>>();
  CLI::App* verify = command->add_subcommand("verify", kVerifyHelp);
  verify->add_option("BUNDLE", *wanted, "Names, or folders [all]");
  AddModels(*verify, args);
  AddChoice(*verify, args);
  verify->callback(
      [args, wanted, &run] { run = [args, wanted] { return RunVerify(*args, *wanted); }; });

  auto model = std::make_shared<std::string>();
  auto revision = std::make_shared<std::string>("main");
  CLI::App* pull = command->add_subcommand("pull", kPullHelp);
  pull->add_option("NAME", *model, "OWNER/NAME on the hub")->required();
  pull->add_option("--as", args->name, "Its name here [NAME]");
  pull->add_option("--revision", *revision, "Branch, tag or commit")->capture_default_str();
  AddModels(*pull, args);
  AddChoice(*pull, args);
  pull->callback([args, model, revision, &run] {
    run = [args, model, revision] { return RunPull(*args, *model, *revision); };
  });

  cli::AddModelUse(*command, run);
}

}  // namespace ocellus::server

#include "embed/bundle_folder.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "base/digest.h"
#include "embed/onnx_file.h"

namespace ocellus::embed {
namespace {

constexpr std::size_t kMaxJsonBytes = std::size_t{64} << 20;  // SigLIP2's tokenizer.json has 34 MB
constexpr std::uint64_t kMaxXmlBytes = std::uint64_t{256} << 20;

// Names of one network with and without the folder that hubs put it in.
constexpr std::array<std::string_view, 2> kOnnxFolders = {"onnx/", ""};
constexpr std::array<std::string_view, 3> kOpenVinoFolders = {"", "openvino/", "onnx/"};
constexpr std::array<std::string_view, 5> kVariants = {"", "fp16", "int8", "uint8", "quantized"};

std::string WithVariant(std::string_view stem, std::string_view variant) {
  return std::string(stem) + (variant.empty() ? "" : "_") + std::string(variant) + ".onnx";
}

using IsThere = std::function<Result<bool>(const std::string& name)>;

// The first of the names that is there; empty: none.
Result<std::string> First(const IsThere& is_there, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    OCELLUS_ASSIGN_OR_RETURN(const bool there, is_there(name));
    if (there) return name;
  }
  return std::string();
}

std::vector<std::string> OnnxNames(std::string_view stem, std::string_view wanted) {
  std::vector<std::string> names;
  for (const std::string_view variant : kVariants) {
    if (!wanted.empty() && variant != wanted) continue;
    for (const std::string_view place : kOnnxFolders) {
      names.push_back(std::string(place) + WithVariant(stem, variant));
    }
  }
  return names;
}

std::vector<std::string> OpenVinoNames(std::string_view stem) {
  std::vector<std::string> names;
  for (const std::string_view place : kOpenVinoFolders) {
    for (const char* prefix : {"openvino_", ""}) {
      names.push_back(std::string(place) + prefix + std::string(stem) + ".xml");
    }
  }
  return names;
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

Result<NetworkFiles> Find(const IsThere& is_there, std::string_view variant) {
  NetworkFiles found;
  OCELLUS_ASSIGN_OR_RETURN(found.vision, First(is_there, OnnxNames("vision_model", variant)));
  if (!found.vision.empty()) {
    OCELLUS_ASSIGN_OR_RETURN(found.text, First(is_there, OnnxNames("text_model", variant)));
    if (found.text.empty() && !variant.empty()) {  // not every tower comes in every variant
      OCELLUS_ASSIGN_OR_RETURN(found.text, First(is_there, OnnxNames("text_model", "")));
    }
    return found;
  }
  OCELLUS_ASSIGN_OR_RETURN(found.vision, First(is_there, OnnxNames("model", variant)));
  if (found.vision.empty() && variant.empty()) {
    OCELLUS_ASSIGN_OR_RETURN(found.vision, First(is_there, OpenVinoNames("vision_model")));
    if (!found.vision.empty()) {
      OCELLUS_ASSIGN_OR_RETURN(found.text, First(is_there, OpenVinoNames("text_model")));
      return found;
    }
    OCELLUS_ASSIGN_OR_RETURN(found.vision, First(is_there, OpenVinoNames("model")));
  }
  if (found.vision.empty()) {
    return Status(Code::kNotFound,
                  "onnx/" + WithVariant("vision_model", variant) +
                      " is not there, nor another network" +
                      (variant.empty() ? " (onnx/model.onnx, openvino_vision_model.xml and their "
                                         "variants _fp16, _int8, _uint8, _quantized were looked "
                                         "for)"
                                       : " of that variant"));
  }
  found.text = found.vision;
  found.combined = true;
  return found;
}

}  // namespace

BundleFolder::BundleFolder(os::FileSystem& files, std::string directory)
    : files_(files), directory_(std::move(directory)) {
  while (directory_.size() > 1 && directory_.back() == '/') directory_.pop_back();
}

Result<std::string> BundleFolder::Read(std::string_view name) {
  OCELLUS_ASSIGN_OR_RETURN(const auto bytes, os::ReadWholeFile(files_, Path(name), kMaxJsonBytes));
  Digest(name, bytes);
  return std::string(AsText(bytes));
}

Result<std::uint64_t> BundleFolder::SizeOf(const std::string& name) const {
  OCELLUS_ASSIGN_OR_RETURN(const auto file, files_.Open(Path(name), os::OpenMode::kRead));
  return file->Size();
}

Status BundleFolder::Visit(const std::string& name, bool is_onnx) {
  if (std::find(names_.begin(), names_.end(), name) != names_.end()) return {};
  OCELLUS_ASSIGN_OR_RETURN(const auto file, files_.Open(Path(name), os::OpenMode::kRead));
  OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t size, file->Size());
  if (size == 0) return {Code::kInvalidArgument, Path(name) + ": is empty"};
  OCELLUS_ASSIGN_OR_RETURN(const auto region, file->Map(0, static_cast<std::size_t>(size)));
  const Bytes bytes(region.data(), region.size());
  std::vector<ExternalData> external;
  if (is_onnx) {
    Result<std::vector<ExternalData>> checked = CheckOnnx(bytes);
    if (!checked.ok()) return std::move(checked).status().WithContext(Path(name));
    external = *std::move(checked);
  }
  Digest(name, bytes);
  const std::string place = name.substr(0, name.find_last_of('/') + 1);
  std::string last;
  std::uint64_t last_size = 0;
  for (const ExternalData& data : external) {
    if (data.file != last) {
      OCELLUS_RETURN_IF_ERROR(Visit(place + data.file, false));
      OCELLUS_ASSIGN_OR_RETURN(last_size, SizeOf(place + data.file));
      last = data.file;
    }
    if (data.offset > last_size || data.length > last_size - data.offset) {
      return {Code::kInvalidArgument, Path(place + data.file) + ": has " +
                                          std::to_string(last_size) + " bytes, " + name +
                                          " wants more of it"};
    }
  }
  return {};
}

Status BundleFolder::VisitNetwork(const std::string& name) {
  if (!EndsWith(name, ".xml")) return Visit(name, true);
  OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t size, SizeOf(name));
  if (size > kMaxXmlBytes) {
    return {Code::kInvalidArgument, Path(name) + ": has " + std::to_string(size) +
                                        " bytes, the limit is " + std::to_string(kMaxXmlBytes)};
  }
  OCELLUS_RETURN_IF_ERROR(Visit(name, false));
  return Visit(name.substr(0, name.size() - 4) + ".bin", false);
}

std::string BundleFolder::TotalDigest() const {
  return Sha256Hex(AsBytes(digests_));
}

void BundleFolder::Digest(std::string_view name, Bytes bytes) {
  digests_ += Sha256Hex(bytes) + "  " + std::string(name) + "\n";
  names_.emplace_back(name);
}

Result<NetworkFiles> FindNetworks(const BundleFolder& folder, std::string_view variant) {
  Result<NetworkFiles> found =
      Find([&](const std::string& name) { return folder.Has(name); }, variant);
  if (found.ok() || found.status().code() != Code::kNotFound) return found;
  return Status(Code::kNotFound, folder.Path(found.status().message()));
}

Result<std::vector<std::string>> ChooseBundleFiles(const std::vector<std::string>& names,
                                                   std::string_view variant) {
  const std::set<std::string> there(names.begin(), names.end());
  OCELLUS_ASSIGN_OR_RETURN(
      const NetworkFiles networks,
      Find([&](const std::string& name) -> Result<bool> { return there.contains(name); }, variant));
  std::vector<std::string> chosen;
  for (const char* name : {"config.json", "open_clip_config.json", "preprocessor_config.json",
                           "tokenizer.json", "tokenizer_config.json"}) {
    if (there.contains(name)) chosen.emplace_back(name);
  }
  if (!there.contains("tokenizer.json")) {
    for (const char* name : {"vocab.json", "merges.txt"}) {
      if (there.contains(name)) chosen.emplace_back(name);
    }
  }
  for (const std::string& network : {networks.vision, networks.text}) {
    if (network.empty()) continue;
    const std::string stem = network.substr(0, network.find_last_of('.'));
    for (const std::string& name : there) {
      // "model.onnx_data", "model.onnx_data_1", "model.onnx.data", "openvino_model.bin"
      const bool beside = name == network || name.starts_with(network + "_data") ||
                          name.starts_with(network + ".data") ||
                          (EndsWith(network, ".xml") && name == stem + ".bin");
      if (beside && std::find(chosen.begin(), chosen.end(), name) == chosen.end()) {
        chosen.push_back(name);
      }
    }
  }
  return chosen;
}

}  // namespace ocellus::embed

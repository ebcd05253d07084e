#include "embed/bundle.h"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/value.h"
#include "embed/json_fields.h"

namespace ocellus::embed {
namespace {

constexpr std::size_t kMaxJsonBytes = std::size_t{64} << 20;  // CLIP's tokenizer.json has 2.2 MB
constexpr std::int64_t kMaxDimension = 4096;
constexpr std::int64_t kMaxTokens = 512;  // BERT's; CLIP has 77

constexpr const char* kConfig = "config.json";
constexpr const char* kPreprocessor = "preprocessor_config.json";
constexpr const char* kTokenizer = "tokenizer.json";
constexpr const char* kVocabulary = "vocab.json";
constexpr const char* kMerges = "merges.txt";
constexpr const char* kVisionModel = "onnx/vision_model.onnx";
constexpr const char* kTextModel = "onnx/text_model.onnx";

// The files of one folder. Keeps the digests of those that were read, in the order of reading.
class Folder {
 public:
  Folder(os::FileSystem& files, std::string directory)
      : files_(files), directory_(std::move(directory)) {
    while (directory_.size() > 1 && directory_.back() == '/') directory_.pop_back();
  }

  std::string Path(std::string_view name) const { return directory_ + "/" + std::string(name); }
  // The last part of the folder's path.
  std::string Name() const { return directory_.substr(directory_.find_last_of('/') + 1); }
  Result<bool> Has(std::string_view name) const { return files_.Exists(Path(name)); }

  Result<std::string> Read(std::string_view name) {
    OCELLUS_ASSIGN_OR_RETURN(const auto bytes,
                             os::ReadWholeFile(files_, Path(name), kMaxJsonBytes));
    Digest(name, bytes);
    return std::string(AsText(bytes));
  }

  // Digests a file that somebody else reads.
  Status Visit(std::string_view name) {
    OCELLUS_ASSIGN_OR_RETURN(const auto file, files_.Open(Path(name), os::OpenMode::kRead));
    OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t size, file->Size());
    if (size == 0) return {Code::kInvalidArgument, Path(name) + ": is empty"};
    OCELLUS_ASSIGN_OR_RETURN(const auto region, file->Map(0, static_cast<std::size_t>(size)));
    Digest(name, {region.data(), region.size()});
    return {};
  }

  // What `sha256sum FILES | sha256sum` prints.
  std::string TotalDigest() const { return Sha256Hex(AsBytes(digests_)); }

 private:
  void Digest(std::string_view name, Bytes bytes) {
    digests_ += Sha256Hex(bytes) + "  " + std::string(name) + "\n";
  }

  os::FileSystem& files_;
  std::string directory_;
  std::string digests_;
};

// Our own config.json.
Status ReadOcellus(const JsonFields& root, Bundle& bundle) {
  OCELLUS_ASSIGN_OR_RETURN(bundle.info.name, root.String("name"));
  if (bundle.info.name.empty()) return root.Error("name", "is empty");
  OCELLUS_ASSIGN_OR_RETURN(bundle.version, root.String("version", ""));
  OCELLUS_ASSIGN_OR_RETURN(const auto dimension, root.Integer("dimension", 1, kMaxDimension));
  bundle.info.dimension = static_cast<std::uint32_t>(dimension);
  if (root.Has("vision")) {
    OCELLUS_ASSIGN_OR_RETURN(const JsonFields vision, root.Object("vision"));
    OCELLUS_ASSIGN_OR_RETURN(bundle.vision.output, vision.String("output", ""));
  }
  if (!root.Has("text")) return {};
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields fields, root.Object("text"));
  Bundle::Text text;
  OCELLUS_ASSIGN_OR_RETURN(text.output, fields.String("output", ""));
  OCELLUS_ASSIGN_OR_RETURN(const auto width, fields.Integer("dimension", 1, dimension, dimension));
  OCELLUS_ASSIGN_OR_RETURN(const auto offset, fields.Integer("offset", 0, dimension - width, 0));
  OCELLUS_ASSIGN_OR_RETURN(const auto tokens, fields.Integer("max_tokens", 3, kMaxTokens));
  OCELLUS_ASSIGN_OR_RETURN(const auto step,
                           fields.Integer("pad_to_multiple_of", 1, kMaxTokens, 16));
  text.dimension = static_cast<std::uint32_t>(width);
  text.offset = static_cast<std::uint32_t>(offset);
  text.pad_to_multiple_of = static_cast<std::uint32_t>(step);
  bundle.info.max_text_tokens = static_cast<std::uint32_t>(tokens);
  bundle.text = std::move(text);
  return {};
}

// The config.json of a CLIP export.
Status ReadClip(const JsonFields& root, bool has_text, const std::string& folder_name,
                Bundle& bundle) {
  bundle.info.name = folder_name;
  OCELLUS_ASSIGN_OR_RETURN(const auto dimension,
                           root.Integer("projection_dim", 1, kMaxDimension, 512));
  bundle.info.dimension = static_cast<std::uint32_t>(dimension);
  if (!has_text) return {};
  std::int64_t tokens = 77;
  if (root.Has("text_config")) {
    OCELLUS_ASSIGN_OR_RETURN(const JsonFields fields, root.Object("text_config"));
    OCELLUS_ASSIGN_OR_RETURN(tokens,
                             fields.Integer("max_position_embeddings", 3, kMaxTokens, tokens));
  }
  Bundle::Text text;
  text.dimension = bundle.info.dimension;
  bundle.info.max_text_tokens = static_cast<std::uint32_t>(tokens);
  bundle.text = std::move(text);
  return {};
}

Status ReadConfig(Folder& folder, Bundle& bundle) {
  OCELLUS_ASSIGN_OR_RETURN(const std::string content, folder.Read(kConfig));
  OCELLUS_ASSIGN_OR_RETURN(const bool has_text, folder.Has(kTextModel));
  const auto read = [&]() -> Status {
    OCELLUS_ASSIGN_OR_RETURN(const Value document, ParseJson(content));
    OCELLUS_ASSIGN_OR_RETURN(const JsonFields root, JsonFields::Root(document));
    OCELLUS_ASSIGN_OR_RETURN(const std::string type, root.String("model_type"));
    if (type == "ocellus") return ReadOcellus(root, bundle);
    if (type == "clip") return ReadClip(root, has_text, folder.Name(), bundle);
    return root.Error("model_type", "\"" + type + "\" is not supported; ocellus and clip are");
  };
  return read().WithContext(folder.Path(kConfig));
}

Result<std::unique_ptr<Tokenizer>> ReadTokenizer(Folder& folder) {
  OCELLUS_ASSIGN_OR_RETURN(const bool one_file, folder.Has(kTokenizer));
  OCELLUS_ASSIGN_OR_RETURN(const bool two_files, folder.Has(kVocabulary));
  if (one_file || !two_files) {
    OCELLUS_ASSIGN_OR_RETURN(const std::string content, folder.Read(kTokenizer));
    auto tokenizer = ParseTokenizer(content);
    if (!tokenizer.ok()) return std::move(tokenizer).status().WithContext(folder.Path(kTokenizer));
    return tokenizer;
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::string vocabulary, folder.Read(kVocabulary));
  OCELLUS_ASSIGN_OR_RETURN(const std::string merges, folder.Read(kMerges));
  auto tokenizer = ParseClipTokenizer(vocabulary, merges);
  if (!tokenizer.ok())
    return Status(tokenizer.status().code(), folder.Path(tokenizer.status().message()));
  return tokenizer;
}

}  // namespace

Result<Bundle> LoadBundle(os::FileSystem& files, const std::string& directory) {
  Folder folder(files, directory);
  Bundle bundle;
  OCELLUS_RETURN_IF_ERROR(ReadConfig(folder, bundle));

  OCELLUS_ASSIGN_OR_RETURN(const std::string preprocessor, folder.Read(kPreprocessor));
  auto parsed = PicturePreprocessor::Parse(preprocessor);
  if (!parsed.ok()) return std::move(parsed).status().WithContext(folder.Path(kPreprocessor));
  bundle.vision.preprocessor = *std::move(parsed);
  bundle.info.picture_side = bundle.vision.preprocessor.wanted_side();

  if (bundle.text.has_value()) {
    OCELLUS_ASSIGN_OR_RETURN(bundle.text->tokenizer, ReadTokenizer(folder));
    const std::size_t special = bundle.text->tokenizer->special_tokens();
    if (bundle.info.max_text_tokens <= special) {
      return Status(Code::kInvalidArgument,
                    folder.Path(kConfig) + ": \"text.max_tokens\": leaves no room beside the " +
                        std::to_string(special) + " special tokens of " + kTokenizer);
    }
  }
  OCELLUS_RETURN_IF_ERROR(folder.Visit(kVisionModel));
  bundle.vision.model_path = folder.Path(kVisionModel);
  if (bundle.text.has_value()) {
    OCELLUS_RETURN_IF_ERROR(folder.Visit(kTextModel));
    bundle.text->model_path = folder.Path(kTextModel);
  }
  bundle.info.embeds_text = bundle.text.has_value();
  bundle.info.digest = folder.TotalDigest();
  return bundle;
}

}  // namespace ocellus::embed

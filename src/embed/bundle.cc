#include "embed/bundle.h"

#include <utility>

#include "embed/bundle_config.h"
#include "embed/bundle_folder.h"

namespace ocellus::embed {
namespace {

constexpr const char* kConfig = "config.json";
constexpr const char* kOpenClip = "open_clip_config.json";
constexpr const char* kPreprocessor = "preprocessor_config.json";
constexpr const char* kTokenizer = "tokenizer.json";
constexpr const char* kTokenizerConfig = "tokenizer_config.json";
constexpr const char* kVocabulary = "vocab.json";
constexpr const char* kMerges = "merges.txt";
constexpr const char* kSubjects = "subjects.json";

Result<std::unique_ptr<Tokenizer>> ReadTokenizer(BundleFolder& folder) {
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

// What is in the folder beside its networks, text included.
Status ReadText(BundleFolder& folder, Bundle& bundle) {
  Bundle::Text& text = *bundle.text;
  OCELLUS_ASSIGN_OR_RETURN(text.tokenizer, ReadTokenizer(folder));
  if (text.pad_id < 0 || bundle.family != "open_clip") text.pad_id = text.tokenizer->pad_id();
  text.pad_given = text.tokenizer->pad_given();
  text.pad_left = text.tokenizer->pad_left().value_or(false);
  if (bundle.family != "ocellus") {
    OCELLUS_ASSIGN_OR_RETURN(const bool more, folder.Has(kTokenizerConfig));
    if (more) {
      OCELLUS_ASSIGN_OR_RETURN(const std::string content, folder.Read(kTokenizerConfig));
      OCELLUS_RETURN_IF_ERROR(
          ReadTokenizerConfig(content, bundle).WithContext(folder.Path(kTokenizerConfig)));
    }
  }
  if (text.mask == Bundle::Text::Mask::kOnes && !text.pad_given) {
    return {Code::kInvalidArgument,
            folder.Path(kTokenizer) + ": \"padding\": is missing, and so is \"pad_token\" of " +
                kTokenizerConfig + ": this family's padding is a part of the text"};
  }
  const std::size_t special = text.tokenizer->special_tokens();
  if (bundle.info.max_text_tokens > special) return {};
  return {Code::kInvalidArgument, folder.Path(kConfig) +
                                      ": \"text.max_tokens\": leaves no room beside the " +
                                      std::to_string(special) + " special tokens of " + kTokenizer};
}

Status ReadPreprocessor(BundleFolder& folder, const std::string& open_clip, Bundle& bundle) {
  const char* name = open_clip.empty() ? kPreprocessor : kOpenClip;
  Result<PicturePreprocessor> parsed = PicturePreprocessor();
  if (open_clip.empty()) {
    OCELLUS_ASSIGN_OR_RETURN(const std::string content, folder.Read(kPreprocessor));
    parsed = PicturePreprocessor::Parse(content);
  } else {
    parsed = PicturePreprocessor::ParseOpenClip(open_clip);
  }
  if (!parsed.ok()) return std::move(parsed).status().WithContext(folder.Path(name));
  bundle.vision.preprocessor = *std::move(parsed);
  bundle.info.picture_side = bundle.vision.preprocessor.wanted_side();
  return {};
}

// The description. A hub's folder may have both: then open_clip's is the one that says how
// pictures are prepared, and the other is of another export. `open_clip` is its text, or empty.
Status ReadDescription(BundleFolder& folder, bool has_text, std::string& open_clip,
                       Bundle& bundle) {
  OCELLUS_ASSIGN_OR_RETURN(const bool is_open_clip, folder.Has(kOpenClip));
  OCELLUS_ASSIGN_OR_RETURN(const bool prepared, folder.Has(kPreprocessor));
  if (is_open_clip && !prepared) {
    OCELLUS_ASSIGN_OR_RETURN(open_clip, folder.Read(kOpenClip));
    return ReadOpenClipConfig(open_clip, has_text, bundle).WithContext(folder.Path(kOpenClip));
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::string content, folder.Read(kConfig));
  return ReadBundleConfig(content, has_text, bundle).WithContext(folder.Path(kConfig));
}

Status ReadSubjects(BundleFolder& folder, Bundle& bundle) {
  OCELLUS_ASSIGN_OR_RETURN(const bool there, folder.Has(kSubjects));
  if (!there) return {};
  OCELLUS_ASSIGN_OR_RETURN(const std::string content, folder.Read(kSubjects));
  Result<SubjectsConfig> config = ReadSubjectsConfig(content);
  if (!config.ok()) return std::move(config).status().WithContext(folder.Path(kSubjects));
  OCELLUS_RETURN_IF_ERROR(folder.VisitNetwork(config->model));
  bundle.subjects = std::move(config->subjects);
  bundle.subjects->bundle = bundle.info.name;
  bundle.subjects->model_path = folder.Path(config->model);
  return {};
}

}  // namespace

Result<Bundle> LoadBundle(os::FileSystem& files, const std::string& directory,
                          const BundleOptions& options) {
  BundleFolder folder(files, directory);
  Bundle bundle;
  Result<NetworkFiles> networks = FindNetworks(folder, options.variant);
  const bool has_text = networks.ok() && !networks->text.empty();
  std::string open_clip;
  OCELLUS_RETURN_IF_ERROR(ReadDescription(folder, has_text, open_clip, bundle));
  if (bundle.info.name.empty()) {
    bundle.info.name = options.name.empty() ? folder.Name() : options.name;
  }
  OCELLUS_RETURN_IF_ERROR(ReadPreprocessor(folder, open_clip, bundle));
  if (bundle.text.has_value()) OCELLUS_RETURN_IF_ERROR(ReadText(folder, bundle));

  if (!networks.ok()) return std::move(networks).status();
  OCELLUS_RETURN_IF_ERROR(folder.VisitNetwork(networks->vision));
  bundle.vision.model_path = folder.Path(networks->vision);
  if (bundle.text.has_value()) {
    if (networks->text.empty()) networks->text = "onnx/text_model.onnx";
    OCELLUS_RETURN_IF_ERROR(folder.VisitNetwork(networks->text));
    bundle.text->model_path = folder.Path(networks->text);
  }
  bundle.info.embeds_text = bundle.text.has_value();
  bundle.info.digest = folder.TotalDigest();
  OCELLUS_RETURN_IF_ERROR(ReadSubjects(folder, bundle));
  bundle.files = folder.names();
  return bundle;
}

Result<std::string> ReadBundleName(os::FileSystem& files, const std::string& directory) {
  BundleFolder folder(files, directory);
  Bundle bundle;
  std::string open_clip;
  constexpr bool kHasText = false;  // no part of the name
  OCELLUS_RETURN_IF_ERROR(ReadDescription(folder, kHasText, open_clip, bundle));
  return bundle.info.name.empty() ? folder.Name() : bundle.info.name;
}

}  // namespace ocellus::embed

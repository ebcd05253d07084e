// A bundle's small files, as a test spoils them.

#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "os/file_system.h"

namespace ocellus::embed::testing {

inline constexpr const char* kSmallTokenizer =
    R"({"added_tokens":[{"id":1,"content":"[CLS]","normalized":false}],
    "normalizer":{"type":"BertNormalizer","lowercase":true},
    "pre_tokenizer":{"type":"BertPreTokenizer"},
    "post_processor":{"type":"BertProcessing","cls":["[CLS]",1],"sep":["[SEP]",2]},
    "model":{"type":"WordPiece","vocab":{"[PAD]":0,"[CLS]":1,"[SEP]":2,"[UNK]":3,"dog":4,"cat":5,
      "##s":6}}})";

// An ONNX file with nothing in it but the graph that one must have.
inline const std::string kEmptyGraph("\x3a\x00", 2);

// All files of a bundle by name. The networks are empty: LoadBundle() looks no further.
inline std::map<std::string, std::string> SmallBundle() {
  return {{"config.json", R"({"model_type":"ocellus","name":"small","version":"1","dimension":4,
             "text":{"dimension":2,"offset":1,"max_tokens":8,"pad_to_multiple_of":4}})"},
          {"preprocessor_config.json",
           R"({"do_center_crop":true,"crop_max_aspect_ratio":1.25,"do_resize":true,
             "size":{"height":8,"width":8},"resample":3,"rescale_and_normalize_in_graph":true,
             "input_data_format":"channels_last","input_dtype":"uint8"})"},
          {"tokenizer.json", kSmallTokenizer},
          {"onnx/vision_model.onnx", kEmptyGraph},
          {"onnx/text_model.onnx", kEmptyGraph}};
}

inline void WriteBundle(const std::string& directory,
                        const std::map<std::string, std::string>& content) {
  os::PosixFileSystem files;
  ASSERT_TRUE(files.CreateDirectories(directory + "/onnx").ok());
  for (const auto& [name, text] : content) {
    std::string path = directory;
    path.append("/").append(name);
    ASSERT_TRUE(os::PublishFile(files, path, AsBytes(text)).ok());
  }
}

inline std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

}  // namespace ocellus::embed::testing

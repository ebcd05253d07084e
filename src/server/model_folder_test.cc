#include "server/model_folder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "os/fault_file_system.h"
#include "os/temporary_directory.h"

namespace ocellus::server {
namespace {

class ModelFolderTest : public ::testing::Test {
 protected:
  // A bundle without its networks' insides: what is copied is not read.
  void Write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(files_.CreateDirectories(os::DirectoryOf(path)).ok());
    ASSERT_TRUE(os::PublishFile(files_, path, AsBytes(text)).ok());
  }
  std::string Path(const std::string& below) const { return temporary_.path() + "/" + below; }

  os::TemporaryDirectory temporary_;
  os::PosixFileSystem files_;
};

TEST_F(ModelFolderTest, CopiesTheFilesOfTheBundleAndNoOthers) {
  Write(Path("from/config.json"), "{}");
  Write(Path("from/onnx/vision_model.onnx"), "network");
  Write(Path("from/README.md"), "words");
  ASSERT_TRUE(files_.CreateDirectories(Path("models")).ok());
  embed::Bundle bundle;
  bundle.files = {"config.json", "onnx/vision_model.onnx"};
  ASSERT_TRUE(CopyBundle(files_, Path("from"), bundle, Path("models"), "mine").ok());
  EXPECT_EQ(*files_.List(Path("models")), (std::vector<std::string>{"mine"}));
  EXPECT_EQ(*files_.List(Path("models/mine")), (std::vector<std::string>{"config.json", "onnx"}));
  EXPECT_EQ(*BundleBytes(files_, Path("models/mine"), bundle), 9U);
  EXPECT_EQ(CopyBundle(files_, Path("from"), bundle, Path("models"), "mine").code(),
            Code::kAlreadyExists);
}

TEST_F(ModelFolderTest, ACopyThatFailsLeavesNothing) {
  Write(Path("from/config.json"), "{}");
  ASSERT_TRUE(files_.CreateDirectories(Path("models")).ok());
  embed::Bundle bundle;
  bundle.files = {"config.json", "onnx/missing.onnx"};
  EXPECT_EQ(CopyBundle(files_, Path("from"), bundle, Path("models"), "mine").code(),
            Code::kNotFound);
  EXPECT_TRUE(files_.List(Path("models"))->empty());
}

TEST_F(ModelFolderTest, FindsABundleByTheNameInItsFilesOrElseItsFolders) {
  Write(Path("models/default/config.json"),
        R"({"model_type":"ocellus","name":"mine","dimension":3})");
  Write(Path("models/clip/config.json"), R"({"model_type":"clip"})");
  Write(Path("models/a/config.json"), "{");
  EXPECT_EQ(*FindBundleFolder(files_, Path("models"), "mine"), "default");
  EXPECT_EQ(*FindBundleFolder(files_, Path("models"), "clip"), "clip");
  EXPECT_EQ(*FindBundleFolder(files_, Path("models"), "a"), "a");  // which then says what is wrong
  for (const char* name : {"default", "", "../models/clip"}) {
    EXPECT_EQ(FindBundleFolder(files_, Path("models"), name).status().code(), Code::kNotFound)
        << name;
  }
}

TEST_F(ModelFolderTest, ListsFoldersThatAreBundlesTheDefaultOneFirst) {
  for (const char* name : {"a/config.json", "default/config.json", "z/open_clip_config.json",
                           ".adding-b/config.json", "no/readme.txt"}) {
    Write(Path(std::string("models/") + name), "{}");
  }
  EXPECT_EQ(*BundleNames(files_, Path("models")), (std::vector<std::string>{"default", "a", "z"}));
  EXPECT_EQ(BundleNames(files_, Path("none")).status().code(), Code::kNotFound);
}

TEST_F(ModelFolderTest, NamesStayInTheFolder) {
  EXPECT_TRUE(CheckBundleName("clip-vit-base-patch32").ok());
  for (const char* name : {"", ".", "..", ".x", "a/b", "a b", "a\nb"}) {
    EXPECT_EQ(CheckBundleName(name).code(), Code::kInvalidArgument) << name;
  }
}

}  // namespace
}  // namespace ocellus::server

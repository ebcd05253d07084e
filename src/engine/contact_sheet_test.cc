#include "engine/contact_sheet.h"

#include <gtest/gtest.h>

#include "engine/testing/colour_embedder.h"
#include "engine/testing/memory_store.h"
#include "image/image.h"

namespace ocellus::engine {
namespace {

class ContactSheetTest : public ::testing::Test {
 protected:
  testing::MemoryStore store_;
  embed::BundleRegistry bundles_;
  MetricsRegistry metrics_;
  Engine engine_{store_, bundles_, {}, metrics_};
};

TEST_F(ContactSheetTest, RefusesNoneAndTooMany) {
  EXPECT_EQ(MakeContactSheet(engine_, {}, 64).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(
      MakeContactSheet(engine_, std::vector<std::optional<std::string>>(kMaxSheetPictures + 1), 64)
          .status()
          .code(),
      Code::kInvalidArgument);
}

TEST_F(ContactSheetTest, MissingAndDamagedPicturesLeaveTheirPlaceEmpty) {
  const Result<PictureFile> sheet =
      MakeContactSheet(engine_,
                       {testing::JpegOf(testing::kRed), std::nullopt, "no picture",
                        testing::PngHeaderOf(60'000, 60'000), testing::JpegOf(testing::kBlue)},
                       64);
  ASSERT_TRUE(sheet.ok()) << sheet.status().message();
  EXPECT_STREQ(sheet->content_type, "image/jpeg");
  const auto picture = image::Decode(AsBytes(sheet->bytes), {}, {});
  ASSERT_TRUE(picture.ok());
  EXPECT_EQ(picture->width, 3 * 64U + 4 * 4);
  EXPECT_EQ(picture->height, 2 * 64U + 3 * 4);
}

}  // namespace
}  // namespace ocellus::engine

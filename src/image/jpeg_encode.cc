#include <csetjmp>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

// jpeglib.h uses FILE without including it.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include "image/image.h"

namespace ocellus::image {
namespace {

// As in jpeg.cc: no destructors here and none in the frame that calls setjmp.
struct Session {
  jpeg_error_mgr errors;  // first: libjpeg hands it back as a pointer to this struct
  std::jmp_buf leave;
  char message[JMSG_LENGTH_MAX];
  jpeg_compress_struct info;
  unsigned char* bytes;  // malloc's, by libjpeg
  unsigned long size;
};

[[noreturn]] void Leave(j_common_ptr info) {
  Session& session = *reinterpret_cast<Session*>(info->err);
  session.errors.format_message(info, session.message);
  std::longjmp(session.leave, 1);
}

bool Encode(Session& session, const Picture& picture, int quality) {
  jpeg_compress_struct& info = session.info;
  info.err = jpeg_std_error(&session.errors);
  session.errors.error_exit = Leave;
  if (setjmp(session.leave) != 0) return false;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &session.bytes, &session.size);
  info.image_width = picture.width;
  info.image_height = picture.height;
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  info.optimize_coding = TRUE;
  jpeg_start_compress(&info, TRUE);
  const std::size_t stride = std::size_t{picture.width} * 3;
  while (info.next_scanline < info.image_height) {
    // libjpeg only reads through this pointer.
    JSAMPROW row = const_cast<JSAMPROW>(picture.rgb.data() +
                                        stride * info.next_scanline);  // NOLINT(*-const-cast)
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

}  // namespace

Result<std::vector<std::uint8_t>> EncodeJpeg(const Picture& picture, int quality) {
  if (picture.width == 0 || picture.height == 0 || picture.width > JPEG_MAX_DIMENSION ||
      picture.height > JPEG_MAX_DIMENSION) {
    return Status(Code::kInvalidArgument, "a JPEG cannot be " + std::to_string(picture.width) +
                                              "x" + std::to_string(picture.height));
  }
  Session session{};
  const bool done = Encode(session, picture, quality);
  jpeg_destroy_compress(&session.info);
  std::vector<std::uint8_t> jpeg;
  if (done) jpeg.assign(session.bytes, session.bytes + session.size);
  std::free(session.bytes);
  if (!done) return Status(Code::kInternal, std::string("write JPEG: ") + session.message);
  return jpeg;
}

}  // namespace ocellus::image

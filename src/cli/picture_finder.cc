#include "cli/picture_finder.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/utf8.h"
#include "cli/byte_source.h"
#include "cli/line_reader.h"
#include "cli/manifest.h"
#include "cli/tar_reader.h"
#include "os/walk.h"

namespace ocellus::cli {
namespace {

// Over any limit that a server is likely to have; the server's own word counts below it.
constexpr std::uint64_t kMaxPictureBytes = std::uint64_t{64} << 20;
constexpr std::size_t kMaxLineBytes = std::size_t{96} << 20;

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string_view NameOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// The archive's name without its extension; the whole name when that is all there is.
std::string ArchiveName(std::string_view path) {
  const std::string_view name = NameOf(path);
  const std::string lower = LowerCase(name);
  for (const std::string_view end : {".tar.gz", ".tgz", ".tar"}) {
    if (EndsWith(lower, end) && name.size() > end.size()) {
      return std::string(name.substr(0, name.size() - end.size()));
    }
  }
  return std::string(name);
}

bool IsHidden(std::string_view path) {
  const std::string_view name = NameOf(path);
  return name.empty() || name.front() == '.';
}

// "./a//b" -> "a/b": the same file in an archive made from another place.
std::string Tidy(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, end);
    name.remove_prefix(std::min(end + 1, name.size()));
    if (part.empty() || part == ".") continue;
    out += (out.empty() ? "" : "/") + std::string(part);
  }
  return out;
}

// The part before the last slash, "" without one.
std::string FolderOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return "";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

// Empty when it is fine.
std::string WrongName(const std::string& uri) {
  return IsUtf8(uri) ? "" : "its name is not UTF-8: rename it";
}

// Kept local so that the word for a size is one.
std::string TooLarge(std::uint64_t size) {
  return "it is too large: " + std::to_string(size) + " bytes, the limit is " +
         std::to_string(kMaxPictureBytes);
}

Result<std::string> ReadPicture(os::FileSystem& files, const std::string& path) {
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> bytes,
                           os::ReadWholeFile(files, path, kMaxPictureBytes));
  return std::string(AsText(bytes));
}

}  // namespace

bool LooksLikePicture(std::string_view bytes) {
  using namespace std::string_view_literals;
  constexpr std::array kStarts = {
      "\xff\xd8\xff"sv, "\x89PNG\r\n\x1a\n"sv, "GIF87a"sv, "GIF89a"sv, "BM"sv, "II*\0"sv,
      "MM\0*"sv};
  for (const std::string_view start : kStarts) {
    if (bytes.substr(0, start.size()) == start) return true;
  }
  if (bytes.substr(0, 4) == "RIFF" && bytes.size() >= 12) return bytes.substr(8, 4) == "WEBP";
  if (bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp") {
    constexpr std::array kBrands = {"heic"sv, "heix"sv, "hevc"sv, "mif1"sv,
                                    "msf1"sv, "avif"sv, "avis"sv};
    return std::find(kBrands.begin(), kBrands.end(), bytes.substr(8, 4)) != kBrands.end();
  }
  return false;
}

bool IsCalledLikePicture(std::string_view name) {
  constexpr std::array kExtensions = {".jpg", ".jpeg", ".jpe", ".jfif", ".png",  ".webp", ".gif",
                                      ".bmp", ".dib",  ".tif", ".tiff", ".heic", ".heif", ".avif"};
  const std::string lower = LowerCase(name);
  return std::any_of(kExtensions.begin(), kExtensions.end(),
                     [&](const char* extension) { return EndsWith(lower, extension); });
}

Status PictureFinder::Plan(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    OCELLUS_ASSIGN_OR_RETURN(const os::PathInfo info, os::DescribePath(path));
    if (info.kind == os::PathKind::kFolder) {
      OCELLUS_RETURN_IF_ERROR(PlanFolder(path, std::string(NameOf(info.real_path))));
      continue;
    }
    if (info.kind != os::PathKind::kFile) {
      return {Code::kInvalidArgument, path + " is neither a file nor a folder"};
    }
    Input input;
    input.path = path;
    input.size = info.size;
    const std::string lower = LowerCase(path);
    if (EndsWith(lower, ".tar") || EndsWith(lower, ".tar.gz") || EndsWith(lower, ".tgz")) {
      input.kind = Kind::kTar;
      input.uri = ArchiveName(path);
    } else if (EndsWith(lower, ".jsonl") || EndsWith(lower, ".ndjson")) {
      input.kind = Kind::kManifest;
    } else {
      input.uri =
          Tidy(std::string(NameOf(FolderOf(info.real_path))) + "/" + std::string(NameOf(path)));
    }
    total_weight_ += input.size;
    inputs_.push_back(std::move(input));
  }
  return {};
}

Status PictureFinder::PlanFolder(const std::string& path, const std::string& name) {
  OCELLUS_ASSIGN_OR_RETURN(std::vector<os::FoundFile> files, os::ListFilesBelow(path));
  for (os::FoundFile& file : files) {
    Input input;
    input.path = std::move(file.path);
    input.uri = Tidy(name + "/" + file.below);
    input.size = file.size;
    total_weight_ += input.size;
    inputs_.push_back(std::move(input));
  }
  return {};
}

void PictureFinder::Find(FindingSink& sink) {
  for (const Input& input : inputs_) {
    bool more = true;
    switch (input.kind) {
      case Kind::kFile:
        more = FindFile(input, sink);
        break;
      case Kind::kTar:
        more = FindInTar(input, sink);
        break;
      case Kind::kManifest:
        more = FindInManifest(input, sink);
        break;
    }
    if (!more) return;
  }
}

bool PictureFinder::FindFile(const Input& input, FindingSink& sink) {
  if (const std::string wrong = WrongName(input.uri); !wrong.empty()) {
    return sink.OnUnreadable(input.path, wrong, input.size);
  }
  const bool called = IsCalledLikePicture(input.path);
  if (input.size > kMaxPictureBytes) {  // a video, most likely
    return called ? sink.OnUnreadable(input.path, TooLarge(input.size), input.size)
                  : sink.OnOtherFile(input.path, input.size);
  }
  Result<std::string> bytes = ReadPicture(files_, input.path);
  if (!bytes.ok()) return sink.OnUnreadable(input.path, bytes.status().message(), input.size);
  if (!called && !LooksLikePicture(*bytes)) return sink.OnOtherFile(input.path, input.size);
  FoundPicture picture;
  picture.origin = input.path;
  picture.image_id = StemOf(input.uri);
  picture.image_uri = input.uri;
  picture.bytes = *std::move(bytes);
  picture.weight = input.size;
  return sink.OnPicture(std::move(picture));
}

bool PictureFinder::FindInTar(const Input& input, FindingSink& sink) {
  Result<std::unique_ptr<ByteSource>> source = OpenFileSource(files_, input.path);
  if (!source.ok()) return sink.OnUnreadable(input.path, source.status().message(), input.size);
  if (!EndsWith(LowerCase(input.path), ".tar")) *source = MakeGzipSource(std::move(*source));
  TarReader reader(**source);
  std::uint64_t done = 0;
  const auto weight = [&] {
    const std::uint64_t now = (*source)->position();
    return now - std::exchange(done, now);
  };
  for (;;) {
    const Result<std::optional<TarMember>> member = reader.Next();
    if (!member.ok()) return sink.OnUnreadable(input.path, member.status().message(), weight());
    if (!*member) return true;
    const std::string name = Tidy((*member)->name);
    const std::string origin = input.path + ": " + name;
    if (IsHidden(name)) continue;
    const std::string wrong = WrongName(name);
    const bool called = IsCalledLikePicture(name);
    bool more = true;
    if (!wrong.empty()) {
      more = sink.OnUnreadable(origin, wrong, weight());
    } else if ((*member)->size > kMaxPictureBytes) {
      more = called ? sink.OnUnreadable(origin, TooLarge((*member)->size), weight())
                    : sink.OnOtherFile(origin, weight());
    } else {
      Result<std::string> bytes = reader.ReadContent();
      if (!bytes.ok()) return sink.OnUnreadable(origin, bytes.status().message(), weight());
      if (!called && !LooksLikePicture(*bytes)) {
        more = sink.OnOtherFile(origin, weight());
      } else {
        FoundPicture picture;
        picture.origin = origin;
        picture.image_id = StemOf(name);
        picture.image_uri = input.uri + "/" + name;
        picture.bytes = *std::move(bytes);
        picture.weight = weight();
        more = sink.OnPicture(std::move(picture));
      }
    }
    if (!more) return false;
  }
}

bool PictureFinder::FindInManifest(const Input& input, FindingSink& sink) {
  Result<std::unique_ptr<ByteSource>> source = OpenFileSource(files_, input.path);
  if (!source.ok()) return sink.OnUnreadable(input.path, source.status().message(), input.size);
  LineReader lines(**source, kMaxLineBytes);
  const std::string folder = FolderOf(input.path);
  std::uint64_t done = 0;
  for (;;) {
    const Result<std::optional<LineReader::Line>> line = lines.Next();
    const std::uint64_t weight = (*source)->position() - std::exchange(done, (*source)->position());
    if (!line.ok()) return sink.OnUnreadable(input.path, line.status().message(), weight);
    if (!*line) return true;
    const std::string origin = input.path + ": line " + std::to_string((*line)->number);
    Result<FoundPicture> picture = (*line)->too_long
                                       ? Status(Code::kInvalidArgument, "the line is too long")
                                       : PictureOfLine((*line)->text, folder);
    if (!picture.ok()) {
      if (!sink.OnUnreadable(origin, picture.status().message(), weight)) return false;
      continue;
    }
    picture->origin = origin;
    picture->weight = weight;
    if (!sink.OnPicture(*std::move(picture))) return false;
  }
}

Result<FoundPicture> PictureFinder::PictureOfLine(const std::string& line,
                                                  const std::string& folder) {
  OCELLUS_ASSIGN_OR_RETURN(ManifestLine parsed, ParseManifestLine(line));
  FoundPicture picture;
  picture.image_id = std::move(parsed.image_id);
  picture.image_uri = std::move(parsed.image_uri);
  picture.tags = std::move(parsed.tags);
  picture.save_image = parsed.save_image;
  picture.names_itself = true;
  if (parsed.bytes) {
    picture.bytes = *std::move(parsed.bytes);
    return picture;
  }
  if (picture.image_uri.find("://") != std::string::npos) {
    return Status(Code::kInvalidArgument,
                  "image_uri is a URL, and a manifest names files: the server fetches URLs in its "
                  "own import tasks");
  }
  const bool beside = !folder.empty() && picture.image_uri.front() != '/';
  const std::string path = beside ? folder + "/" + picture.image_uri : picture.image_uri;
  OCELLUS_ASSIGN_OR_RETURN(picture.bytes, ReadPicture(files_, path));
  return picture;
}

}  // namespace ocellus::cli
